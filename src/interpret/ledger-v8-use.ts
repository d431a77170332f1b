import type { LedgerInputs } from '../model/ledger.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';

/** A worker that ended so long before a reading has no heap in it. */
const ENDED_BEFORE_NS = 2_000_000_000n;
/** Of a V8 profile, which may have megabytes, this much at its end holds the statistics. */
const TAIL_BYTES = 8192;

interface Statistics {
  readonly timeUnixNs: bigint;
  readonly isLast: boolean;
  /** Of the spaces that lie in V8's pages. */
  readonly usedBytes: number;
  /** V8's own sum at that moment. */
  readonly heapBytes: number | undefined;
}

/** Tells how much of V8's pages was in use at a moment (CLOCK_MONOTONIC); undefined where no isolate said so. */
export type V8UseReader = (timeNs: bigint) => LedgerInputs['v8Use'];

/** Of each isolate the statistics nearest in time count; code is in the code range, and not in the pages. */
export function createV8UseReader(recording: ProcessRecording): V8UseReader {
  let threads: Map<number, Statistics[]> | undefined;

  return (timeNs) => {
    threads ??= readStatistics(recording);
    const unixNs = toUnixNs(recording, timeNs);
    const isolates = [...threads].filter(([thread, all]) => {
      const last = all.at(-1);
      return !(last?.isLast && thread !== 0 && last.timeUnixNs + ENDED_BEFORE_NS < unixNs);
    });
    if (isolates.length === 0) return undefined;
    const uses = isolates.map(([thread, all]) => {
      const nearest = all.reduce((a, b) => (age(b, unixNs) <= age(a, unixNs) ? b : a));
      const ageNs = Number(age(nearest, unixNs));
      const seen = recording.collections.usedAt(thread, Number(timeNs));
      if (seen === undefined || nearest.heapBytes === undefined || seen.ageNs >= ageNs) {
        return { usedBytes: nearest.usedBytes, errorBytes: errorOf(all, unixNs), ageNs };
      }
      // V8's sum has code in it, and not what all isolates share; the statistics have both apart.
      return { ...seen, usedBytes: Math.max(0, seen.usedBytes + nearest.usedBytes - nearest.heapBytes) };
    });
    return {
      usedBytes: uses.reduce((sum, use) => sum + use.usedBytes, 0),
      errorBytes: uses.reduce((sum, use) => sum + use.errorBytes, 0),
      isolates: uses.length,
      ageNs: BigInt(Math.round(Math.max(...uses.map((use) => use.ageNs)))),
    };
  };
}

function age({ timeUnixNs }: Statistics, unixNs: bigint): bigint {
  return timeUnixNs > unixNs ? timeUnixNs - unixNs : unixNs - timeUnixNs;
}

/**
 * By how much the statistics nearest to a moment may differ from what they would have been then: the change between those before and after
 * it (or the last two before it, the first two after it), twice as fast as it was on average. Of a single one nothing is known: all of it.
 */
function errorOf(all: readonly Statistics[], unixNs: bigint): number {
  const next = all.findIndex((one) => one.timeUnixNs >= unixNs);
  const [a, b] = next === -1 ? all.slice(-2) : [all[Math.max(0, next - 1)], all[Math.max(1, next)]];
  if (a === undefined || b === undefined) return all[0]?.usedBytes ?? 0;
  const ages = Math.min(Number(age(a, unixNs)), Number(age(b, unixNs)));
  const rate = Math.abs(b.usedBytes - a.usedBytes) / Math.max(1, Number(b.timeUnixNs - a.timeUnixNs));
  return 2 * rate * ages;
}

/** By thread, in the order of the recording. */
function readStatistics({ v8Profiles, stream }: ProcessRecording): Map<number, Statistics[]> {
  const threads = new Map<number, Statistics[]>();
  for (const { threadId, timeUnixNs, reason, ref } of v8Profiles) {
    const profile = stream.read(ref);
    const tail = profile?.toString('utf8', Math.max(0, profile.length - TAIL_BYTES)) ?? '';
    const usedBytes = usedInSpaces(tail);
    if (usedBytes === undefined) continue;
    const heap = /"used_heap_size":(\d{1,15})[,}]/.exec(tail)?.[1];
    const own = threads.get(threadId) ?? [];
    own.push({
      timeUnixNs,
      isLast: reason === 'exit',
      usedBytes,
      heapBytes: heap === undefined ? undefined : Number(heap),
    });
    threads.set(threadId, own);
  }
  return threads;
}

function usedInSpaces(tail: string): number | undefined {
  const spaces = [
    ...(/(?<="spaces":\[)(?:\["[a-z_]+",\d+,\d+\],?)+/.exec(tail)?.[0].matchAll(/\["([a-z_]+)",(\d+)/g) ?? []),
  ];
  if (spaces.length === 0) return undefined;
  return spaces.reduce((sum, [, name = '', used]) => sum + (name.startsWith('code_') ? 0 : Number(used)), 0);
}
