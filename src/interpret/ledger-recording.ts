import { EXIT, MemprofError } from '../errors.js';
import type { LedgerInputs } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';
import { HEAP } from '../recording/wire.js';
import { toUnixNs } from './clock.js';
import { inputsOfReading } from './ledger-inputs.js';
import { parseLedgerReading } from './ledger-reading.js';
import { openRecording } from './manifest.js';
import { type ProcessRecording, readProcessRecording, type SnapshotRef } from './process-recording.js';
import { readSnapshot } from './snapshot.js';
import { mappingsOf } from './snapshot-mappings.js';

/** A worker that ended so long before a reading has no heap in it. */
const ENDED_BEFORE_NS = 2_000_000_000n;
/** Of a V8 profile, which may have megabytes, this much at its end holds the statistics. */
const TAIL_BYTES = 8192;

/**
 * What the ledgers of a recording are made from: for each process its last reading, or that of the highest RSS.
 * @throws MemprofError NO_READINGS (exit code 2) if no process was read, or what the reader throws.
 */
export async function ledgerInputsOf(directory: string, at: 'peak' | 'end'): Promise<LedgerInputs[]> {
  const { files } = await openRecording(directory);
  const found: LedgerInputs[] = [];
  let failure: unknown;
  for (const path of files) {
    let recording: ProcessRecording;
    try {
      recording = readProcessRecording(path);
    } catch (error) {
      failure ??= error;
      continue;
    }
    try {
      const inputs = inputsOfProcess(recording, at);
      if (inputs !== undefined) found.push(inputs);
    } finally {
      recording.stream.close();
    }
  }
  if (found.length > 0) return found;
  throw (
    failure ??
    new MemprofError(`${directory} has no ledger reading`, {
      code: 'NO_READINGS',
      exitCode: EXIT.usage,
      hint: 'Programs that run for less than 0.2 s, or whose /proc may not be read, have none.',
    })
  );
}

function inputsOfProcess(recording: ProcessRecording, at: 'peak' | 'end'): LedgerInputs | undefined {
  const { ledgers, identity } = recording;
  const chosen =
    at === 'end'
      ? ledgers.at(-1)
      : ledgers.reduce((best, next) => (best === undefined || next.rssBytes > best.rssBytes ? next : best), ledgers[0]);
  const payload = chosen && recording.stream.read(chosen.ref);
  const reading = payload && parseLedgerReading(payload);
  if (reading === undefined) return undefined;
  const timeNs = BigInt(reading.timeNs);
  const snapshot = nearestSnapshot(recording, timeNs);
  const tables = snapshot && recording.stream.read(snapshot.ref);
  const v8Use = v8UseAt(recording, timeNs);
  const inputs = inputsOfReading(
    { ...reading, unseen: reading.unseen.filter((code) => code !== 'v8' || v8Use === undefined) },
    tables === undefined ? [] : mappingsOf(tables),
  );
  const sampledLive = tables === undefined ? undefined : sampledLiveOf(tables);
  return {
    ...inputs,
    name: identity.name || inputs.name,
    moment: at,
    ...(sampledLive !== undefined && { sampledLive }),
    ...(v8Use !== undefined && { v8Use }),
    unseen: [...inputs.unseen, ...staleness(recording, reading.reason, timeNs, at)],
  };
}

/** An end that nobody announced (a signal, a crash), or that was too quick, is seen as it was at the last reading. */
function staleness(recording: ProcessRecording, reason: string, timeNs: bigint, at: 'peak' | 'end'): string[] {
  if (at === 'peak' || reason === 'end') return [];
  const { frozenAtNs } = recording.header ?? { frozenAtNs: 0n };
  const endNs = frozenAtNs > 0n ? frozenAtNs : (recording.gauges.at(-1)?.timeNs ?? timeNs);
  const seconds = Number(endNs - timeNs) / 1e9;
  const last = recording.gauges.findLast((gauge) => gauge.rssBytes > 0)?.rssBytes;
  const rss = last === undefined ? '' : `; RSS was ${formatBytes(last)} when it was last seen`;
  return [`the end itself: this is the last reading, ${seconds.toFixed(1)} s before it${rss}`];
}

function nearestSnapshot({ snapshots }: ProcessRecording, timeNs: bigint): SnapshotRef | undefined {
  const distance = (one: SnapshotRef): bigint => (one.timeNs > timeNs ? one.timeNs - timeNs : timeNs - one.timeNs);
  return snapshots.reduce<SnapshotRef | undefined>(
    (best, next) => (best === undefined || distance(next) <= distance(best) ? next : best),
    undefined,
  );
}

function sampledLiveOf(tables: Buffer): { bytes: number; deviationBytes: number } {
  const { sites, inUse } = readSnapshot(tables);
  let bytes = 0;
  let variance = 0;
  for (const [site, use] of inUse) {
    if (sites[site]?.heap !== HEAP.malloc) continue;
    bytes += use.bytes;
    variance += use.bytesVariance;
  }
  return { bytes, deviationBytes: Math.sqrt(variance) };
}

/** Of each isolate the statistics nearest in time; code is in the code range, and not in the pages. */
function v8UseAt(recording: ProcessRecording, timeNs: bigint): LedgerInputs['v8Use'] {
  const unixNs = toUnixNs(recording, timeNs);
  const nearest = new Map<number, { ageNs: bigint; usedBytes: number }>();
  const threads = new Set(recording.v8Profiles.map((profile) => profile.threadId));
  for (const thread of threads) {
    const own = recording.v8Profiles.filter((profile) => profile.threadId === thread);
    const last = own.at(-1);
    if (last?.reason === 'exit' && thread !== 0 && last.timeUnixNs + ENDED_BEFORE_NS < unixNs) continue;
    const age = (time: bigint): bigint => (time > unixNs ? time - unixNs : unixNs - time);
    const best = own.reduce((a, b) => (age(b.timeUnixNs) <= age(a.timeUnixNs) ? b : a));
    const usedBytes = usedInSpaces(recording.stream.read(best.ref));
    if (usedBytes !== undefined) nearest.set(thread, { ageNs: age(best.timeUnixNs), usedBytes });
  }
  if (nearest.size === 0) return undefined;
  const all = [...nearest.values()];
  return {
    usedBytes: all.reduce((sum, one) => sum + one.usedBytes, 0),
    isolates: all.length,
    ageNs: all.map((one) => one.ageNs).sort((a, b) => (a < b ? 1 : -1))[0] ?? 0n,
  };
}

function usedInSpaces(profile: Buffer | undefined): number | undefined {
  if (profile === undefined) return undefined;
  const tail = profile.toString('utf8', Math.max(0, profile.length - TAIL_BYTES));
  const spaces = [
    ...(/(?<="spaces":\[)(?:\["[a-z_]+",\d+,\d+\],?)+/.exec(tail)?.[0].matchAll(/\["([a-z_]+)",(\d+)/g) ?? []),
  ];
  if (spaces.length === 0) return undefined;
  return spaces.reduce((sum, [, name = '', used]) => sum + (name.startsWith('code_') ? 0 : Number(used)), 0);
}
