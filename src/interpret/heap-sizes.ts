/** Used and total bytes of one isolate's heap, where V8 said so: before and after each collection, and once a second. Times are monotonic. */
export interface HeapSizes {
  readonly times: number[];
  readonly used: number[];
  readonly total: number[];
}

/** Used bytes at a moment, and by how much that may be off. */
export interface UsedAt {
  readonly usedBytes: number;
  readonly errorBytes: number;
  /** To the nearest time at which V8 said so. */
  readonly ageNs: number;
}

/**
 * Between two points nothing is collected: used bytes grow from the first to the second, and are at neither more than from the other. Behind the
 * last one, and before the first, they are taken to change twice as fast as beside that.
 */
export function usedAt({ times, used }: HeapSizes, timeNs: number): UsedAt | undefined {
  const next = firstFrom(times, timeNs);
  const point = (at: number): { time: number; used: number } => ({ time: times[at] ?? 0, used: used[at] ?? 0 });
  if (times.length < 2) return undefined;
  if (next === 0) return beside(point(0), point(1), timeNs);
  if (next === times.length) return beside(point(next - 1), point(next - 2), timeNs);
  const [before, after] = [point(next - 1), point(next)];
  const share = (timeNs - before.time) / Math.max(1, after.time - before.time);
  const usedBytes = before.used + share * (after.used - before.used);
  return {
    usedBytes: Math.round(usedBytes),
    errorBytes: Math.round(Math.max(Math.abs(after.used - usedBytes), Math.abs(usedBytes - before.used))),
    ageNs: Math.min(timeNs - before.time, after.time - timeNs),
  };
}

function beside(
  nearest: { time: number; used: number },
  other: { time: number; used: number },
  timeNs: number,
): UsedAt {
  const rate = Math.abs(other.used - nearest.used) / Math.max(1, Math.abs(other.time - nearest.time));
  const ageNs = Math.abs(timeNs - nearest.time);
  return { usedBytes: nearest.used, errorBytes: Math.round(2 * rate * ageNs), ageNs };
}

/** Index of the first one that is not before `timeNs`. */
function firstFrom(times: readonly number[], timeNs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}
