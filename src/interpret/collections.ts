import type { GcKind, GcPause, GcUse } from '../model/moments.js';
import type { Gauge } from '../model/profile.js';
import { COLLECTION, COLLECTION_FLAG, COLLECTION_KIND, COLLECTION_OURS, EVENT_TYPE } from '../recording/wire.js';
import { eachEvent, u64 } from './event-record.js';
import { type HeapSizes, type UsedAt, usedAt } from './heap-sizes.js';
import { decimate } from './series.js';

const KINDS: Readonly<Record<number, GcKind>> = {
  [COLLECTION_KIND.scavenge]: 'scavenge',
  [COLLECTION_KIND.minorMarkCompact]: 'minor-mark-compact',
  [COLLECTION_KIND.markCompact]: 'mark-compact',
  [COLLECTION_KIND.incremental]: 'incremental',
  [COLLECTION_KIND.weakCallbacks]: 'weak-callbacks',
};

/** Pauses kept one by one: the longest. All are in the sums. */
const MAX_PAUSES = 10_000;
/** Isolates whose heap is shown over time: a server may start thousands of workers. */
const MAX_ISOLATES = 64;
const MAX_POINTS = 2_000;

/** Pauses and heap sizes of the isolates of one process, from its events. */
export interface CollectionFold {
  /** @param events whole event records. */
  add(events: Buffer): void;
  /** Used bytes of an isolate's heap, code included; undefined where V8 never said so. @param timeNs CLOCK_MONOTONIC. */
  usedAt(thread: number, timeNs: number): UsedAt | undefined;
  /** @param toUnixNs from CLOCK_MONOTONIC. */
  read(pid: number, toUnixNs: (timeNs: bigint) => bigint): Collections;
}

export interface Collections {
  readonly pauses: GcPause[];
  readonly uses: GcUse[];
  readonly gauges: Gauge[];
}

interface Pause {
  readonly thread: number;
  readonly timeNs: number;
  readonly durationNs: number;
  readonly kind: GcKind;
  readonly cause: string;
}

interface Sum {
  readonly thread: number;
  readonly kind: GcKind;
  readonly durationsNs: number[];
  readonly causes: Map<string, number>;
}

export function createCollectionFold(): CollectionFold {
  let pauses: Pause[] = [];
  const sums = new Map<string, Sum>();
  const heaps = new Map<number, HeapSizes>();

  function take(view: DataView, at: number): void {
    if (view.getUint16(at + COLLECTION.type, true) !== EVENT_TYPE.collection) return;
    const thread = view.getUint32(at + COLLECTION.thread, true);
    const timeNs = u64(view, at + COLLECTION.timeNs);
    const durationNs = u64(view, at + COLLECTION.durationNs);
    const flags = view.getUint32(at + COLLECTION.flags, true);
    addSizes(view, at, thread, timeNs, durationNs);
    const kind = KINDS[view.getUint16(at + COLLECTION.kind, true)];
    if (kind === undefined || (flags & COLLECTION_OURS) !== 0) return;
    addPause({ thread, timeNs, durationNs, kind, cause: causeOf(kind, flags) });
  }

  function addSizes(view: DataView, at: number, thread: number, timeNs: number, durationNs: number): void {
    const totalBytes = 1024 * view.getUint32(at + COLLECTION.totalKib, true);
    if (totalBytes === 0) return;
    let sizes = heaps.get(thread);
    if (sizes === undefined) {
      if (heaps.size >= MAX_ISOLATES) return;
      sizes = { times: [], used: [], total: [] };
      heaps.set(thread, sizes);
    }
    // V8's pages before it are those after it at least; nobody asked.
    const before = durationNs > 0 ? [[timeNs, u64(view, at + COLLECTION.usedBeforeBytes)] as const] : [];
    for (const [time, used] of [...before, [timeNs + durationNs, u64(view, at + COLLECTION.usedAfterBytes)] as const]) {
      sizes.times.push(time);
      sizes.used.push(used);
      sizes.total.push(Math.max(totalBytes, used));
    }
  }

  function addPause(pause: Pause): void {
    const { thread, kind, durationNs, cause } = pause;
    const key = `${thread} ${kind}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { thread, kind, durationsNs: [], causes: new Map() };
      sums.set(key, sum);
    }
    sum.durationsNs.push(durationNs);
    sum.causes.set(cause, (sum.causes.get(cause) ?? 0) + 1);
    pauses.push(pause);
    if (pauses.length >= 2 * MAX_PAUSES) pauses = longest(pauses);
  }

  return {
    add: (events) => eachEvent(events, take),
    usedAt(thread, timeNs) {
      const sizes = heaps.get(thread);
      return sizes && usedAt(sizes, timeNs);
    },
    read: (pid, toUnixNs) => ({
      pauses: longest(pauses)
        .sort((a, b) => a.timeNs - b.timeNs)
        .map(({ thread, timeNs, ...rest }) => ({
          pid,
          threadId: thread,
          timeNs: toUnixNs(BigInt(timeNs)),
          ...rest,
        })),
      uses: [...sums.values()].map((sum) => useOf(pid, sum)),
      gauges: [...heaps].flatMap(([thread, sizes]) => gaugesOf(pid, thread, sizes, toUnixNs)),
    }),
  };
}

function longest(pauses: readonly Pause[]): Pause[] {
  return [...pauses].sort((a, b) => b.durationNs - a.durationNs).slice(0, MAX_PAUSES);
}

/** As V8 says it by v8::GCCallbackFlags (include/v8-callbacks.h), the strongest first. */
function causeOf(kind: GcKind, flags: number): string {
  if (flags & COLLECTION_FLAG.forced) return 'forced';
  if (flags & COLLECTION_FLAG.allExternal) return 'external memory';
  if (flags & COLLECTION_FLAG.allAvailable) return 'memory pressure';
  // Set where marking in steps began since the heap had reached its limit for the time being.
  if (flags & COLLECTION_FLAG.idle) return 'heap limit';
  if (kind === 'scavenge' || kind === 'minor-mark-compact') return 'young generation full';
  return kind === 'mark-compact' ? 'allocation' : '';
}

function useOf(pid: number, { thread, kind, durationsNs, causes }: Sum): GcUse {
  const sorted = Float64Array.from(durationsNs).sort();
  /** Nearest rank: one of the values. */
  const quantile = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return {
    pid,
    threadId: thread,
    kind,
    pauses: sorted.length,
    totalNs: sorted.reduce((sum, one) => sum + one, 0),
    p50Ns: quantile(0.5),
    p99Ns: quantile(0.99),
    maxNs: quantile(1),
    causes: Object.fromEntries(causes),
  };
}

function gaugesOf(
  pid: number,
  thread: number,
  { times, used, total }: HeapSizes,
  toUnixNs: (timeNs: bigint) => bigint,
): Gauge[] {
  const gauge = (name: string, values: readonly number[]): Gauge => ({
    name,
    unit: 'bytes',
    pid,
    thread: thread === 0 ? 'main' : `worker ${thread}`,
    points: decimate(values, MAX_POINTS).map((at) => ({
      timeNs: toUnixNs(BigInt(times[at] ?? 0)),
      value: values[at] ?? 0,
    })),
  });
  return [gauge('v8_used', used), gauge('v8_total', total)];
}
