import { EXIT, MemprofError } from '../errors.js';
import type { LedgerInputs } from '../model/ledger.js';
import { createNoticeTally } from '../model/notices.js';
import type { Recogniser } from '../model/recognise.js';
import { formatDuration } from '../model/units.js';
import { lastTime } from './clock.js';
import { createLedgerReader, type LedgerReader } from './ledger-process.js';
import { createMallocNamer } from './malloc-names.js';
import { openRecording } from './manifest.js';
import { type ProcessRecording, readProcessRecording } from './process-recording.js';

/** A moment of a recording: of the whole, but for `peak` and `end`, which each process has its own of. */
export type LedgerMoment = 'peak' | 'end' | { readonly afterStartNs: bigint } | { readonly share: number };

/** The readings of one process, in the order of time. */
export interface ProcessLedgers {
  readonly pid: number;
  readonly name: string;
  readonly readings: readonly LedgerInputs[];
}

/** The time of a run, ns since the Unix epoch. */
interface Span {
  readonly startedAtNs: bigint;
  readonly endedAtNs: bigint;
}

/** Between two looks at RSS, and what a clock may be off: a process that ended so long before a moment is there. */
const TOLERANCE_NS = 200_000_000n;

/**
 * All ledger readings of a recording.
 * @param recogniser names the arenas of allocations of which the program does not say it.
 * @throws MemprofError NO_READINGS (exit code 2) if no process was read, or what the reader throws.
 */
export async function ledgersOf(directory: string, recogniser?: Recogniser): Promise<ProcessLedgers[]> {
  return readEach(directory, recogniser, (reader, { identity }) => {
    const readings = reader.refs.flatMap((ref) => reader.read(ref, 'time') ?? []);
    return readings.length === 0 ? undefined : { pid: identity.pid, name: identity.name, readings };
  });
}

/**
 * What the ledgers of a moment are made from: for each process its last reading, that of the highest RSS, or the nearest one to a time
 * at which it ran.
 * @throws MemprofError NO_READINGS (exit code 2) if no process was read then, or what the reader throws.
 */
export async function ledgerInputsOf(
  directory: string,
  moment: LedgerMoment,
  recogniser?: Recogniser,
): Promise<LedgerInputs[]> {
  return readEach(directory, recogniser, (reader, recording, { startedAtNs, endedAtNs }) => {
    const withStart = (inputs: LedgerInputs | undefined): LedgerInputs | undefined =>
      inputs && { ...inputs, sinceStartNs: Number(inputs.timeNs - startedAtNs) };
    if (typeof moment === 'string') return withStart(reader[moment]());
    const atNs =
      'share' in moment
        ? startedAtNs + BigInt(Math.round(Number(endedAtNs - startedAtNs) * moment.share))
        : startedAtNs + moment.afterStartNs;
    return isThere(recording, atNs) ? withStart(reader.nearest(atNs)) : undefined;
  });
}

function isThere({ header, gauges }: ProcessRecording, timeNs: bigint): boolean {
  if (header === undefined) return true;
  const atNs = timeNs - header.startedUnixNs + header.startedMonoNs;
  const lastNs = gauges.at(-1)?.timeNs ?? header.startedMonoNs;
  return atNs >= header.startedMonoNs - TOLERANCE_NS && atNs <= lastNs + TOLERANCE_NS;
}

/** One process after the other: memory is that of the largest. What cannot be read is left out where something else can. */
async function readEach<T>(
  directory: string,
  recogniser: Recogniser | undefined,
  read: (reader: LedgerReader, recording: ProcessRecording, span: Span) => T | undefined,
): Promise<T[]> {
  const { files, manifest } = await openRecording(directory);
  const { storedSymbols } = await import('./stored-symbols.js');
  const found: T[] = [];
  let failure: unknown;
  let readings = 0;
  let startedAtNs = BigInt(manifest?.startedAtNs ?? 0);
  let endedAtNs = BigInt(manifest?.endedAtNs ?? 0);
  for (const path of files) {
    let recording: ProcessRecording;
    try {
      recording = readProcessRecording(path);
    } catch (error) {
      failure ??= error;
      continue;
    }
    try {
      // Names that cannot be read are a notice of the report; here the memory is nobody's.
      const symbols = recording.ledgers.length > 0 ? storedSymbols(recording, createNoticeTally()) : undefined;
      const reader = createLedgerReader(recording, createMallocNamer(recording, symbols, recogniser));
      readings += reader.refs.length;
      // Without a manifest, the first process is the run's.
      if (startedAtNs === 0n) startedAtNs = recording.header?.startedUnixNs ?? 0n;
      if (manifest?.endedAtNs === undefined) endedAtNs = lastTime(recording);
      const one = read(reader, recording, { startedAtNs, endedAtNs });
      if (one !== undefined) found.push(one);
    } finally {
      recording.stream.close();
    }
  }
  if (found.length > 0) return found;
  throw failure ?? noReadings(directory, readings, { startedAtNs, endedAtNs });
}

function noReadings(directory: string, readings: number, { startedAtNs, endedAtNs }: Span): MemprofError {
  if (readings > 0) {
    const took = formatDuration(endedAtNs > startedAtNs ? endedAtNs - startedAtNs : 0n);
    return new MemprofError(`${directory} has no ledger reading of that moment: the run took ${took}`, {
      code: 'NO_SUCH_MOMENT',
      exitCode: EXIT.usage,
      hint: 'Ask for a time at which a process ran, for the peak, or for the end.',
    });
  }
  return new MemprofError(`${directory} has no ledger reading`, {
    code: 'NO_READINGS',
    exitCode: EXIT.usage,
    hint: 'Programs that run for less than 0.2 s, or whose /proc may not be read, have none.',
  });
}
