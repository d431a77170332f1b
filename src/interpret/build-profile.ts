import type { ArenaUse, PoolUse } from '../model/arenas.js';
import { createProfileBuilder } from '../model/builder.js';
import type { LedgerInputs } from '../model/ledger.js';
import type { GcPause, GcUse, Mark } from '../model/moments.js';
import { createNoticeTally } from '../model/notices.js';
import type { Gauge, Moment, ProcessInfo, Profile } from '../model/profile.js';
import type { Recogniser } from '../model/recognise.js';
import type { Symbols } from '../recording/chunks.js';
import type { Manifest } from '../recording/manifest.js';
import { openRecording } from './manifest.js';
import { addProcess } from './process-profile.js';
import { type ProcessRecording, readProcessRecording } from './process-recording.js';
import { createSymbolizer } from './symbolize/index.js';

export interface BuildOptions {
  /** 'end' if left out. */
  readonly moment?: Moment;
  /**
   * To be given where the program has just run: its code is named from the binaries and sources on this machine, and this is called with
   * what was found for each `.mpr` file. Stored as a SYMBOLS chunk, it makes the recording portable.
   */
  readonly onSymbols?: (path: string, symbols: Symbols) => void;
  /** Where the caller has just written it; else it is read from the directory. */
  readonly manifest?: Manifest;
  /** Names the arenas of allocations of which the program does not say it. */
  readonly recogniser?: Recogniser;
}

/**
 * The profile of a recording directory. What cannot be read becomes a notice.
 * @throws MemprofError (exit code 2) if nothing can be read, or if the recording does not have the moment.
 */
export async function buildProfile(directory: string, options: BuildOptions = {}): Promise<Profile> {
  const moment = options.moment ?? 'end';
  const { manifest, files, notices: directoryNotices } = await openRecording(directory, options.manifest);
  const builder = createProfileBuilder();
  const symbolize = createSymbolizer({ mayRunNode: options.onSymbols !== undefined });
  const notices = createNoticeTally();
  const gauges: Gauge[] = [];
  const pauses: GcPause[] = [];
  const collections: GcUse[] = [];
  const marks: Mark[] = [];
  const processes: ProcessInfo[] = [];
  const arenas: ArenaUse[] = [];
  const pools: PoolUse[] = [];
  const ledgers: LedgerInputs[] = [];
  let failure: unknown;
  let startedAtNs = 0n;
  let endedAtNs = 0n;
  let unknownV8 = false;

  // A run has no stored symbols yet, and should not wait for the library that checks them.
  const stored = options.onSymbols === undefined ? await import('./stored-symbols.js') : undefined;

  function symbolsOf(recording: ProcessRecording): Symbols {
    const found = stored?.storedSymbols(recording, notices) ?? symbolize(recording);
    options.onSymbols?.(recording.path, found);
    return found;
  }

  for (const path of files) {
    // One process after the other: memory is that of the largest.
    let recording: ReturnType<typeof readProcessRecording>;
    try {
      recording = readProcessRecording(path);
    } catch (error) {
      failure ??= error;
      notices.add({ code: 'PROCESS_UNREADABLE', message: `one process is missing: ${(error as Error).message}` });
      continue;
    }
    try {
      const result = addProcess(builder, recording, manifest, moment, symbolsOf, options.recogniser);
      processes.push(result.process);
      gauges.push(...result.gauges);
      for (const pause of result.collections.pauses) pauses.push(pause);
      collections.push(...result.collections.uses);
      marks.push(...result.marks);
      for (const arena of result.lives.arenas) arenas.push(arena);
      pools.push(...result.lives.pools);
      ledgers.push(...result.ledgers);
      result.notices.forEach(notices.add);
      unknownV8 ||= result.hasV8Samples;
      if (result.startedAtNs > 0n && (startedAtNs === 0n || result.startedAtNs < startedAtNs)) {
        startedAtNs = result.startedAtNs;
      }
      if (result.endedAtNs > endedAtNs) endedAtNs = result.endedAtNs;
    } finally {
      recording.stream.close();
    }
  }
  if (processes.length === 0) throw failure;
  if (moment === 'peak' && processes.length > 1) {
    const message = `each of the ${processes.length} processes is shown at its own peak; the sum may never have been reached`;
    notices.add({ code: 'PEAKS_APART', message });
  }

  const started = manifest ? BigInt(manifest.startedAtNs) : startedAtNs;
  const ended = manifest?.endedAtNs === undefined ? endedAtNs : BigInt(manifest.endedAtNs);
  return builder.build({
    gauges,
    pauses,
    collections,
    marks,
    ledgers,
    arenas,
    pools,
    processes,
    moment,
    startedAtNs: started,
    durationNs: ended > started ? ended - started : 0n,
    periodBytes: periodOf(processes, manifest),
    unknown: unknownV8 ? [{ heap: 'v8', types: ['alloc_objects', 'alloc_space'] }] : [],
    // The capture has said some of it already, as it came.
    notices: [...directoryNotices.filter((notice) => !notices.has(notice)), ...notices.all()],
  });
}

function periodOf(processes: readonly ProcessInfo[], manifest: Manifest | undefined): number {
  const native = Math.max(0, ...processes.map((process) => process.nativeMeanAtEndBytes));
  if (native > 0) return native;
  return Math.max(manifest?.settings.v8IntervalBytes ?? 0, ...processes.map((process) => process.v8IntervalBytes), 1);
}
