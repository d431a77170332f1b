import type { Gauge, Profile } from '../../model/profile.js';

/** Unix ns to seconds since the start of the recording, to the microsecond. */
export type SecondsOf = (timeNs: bigint) => number;

export function clockOf(profile: Profile): SecondsOf {
  let startNs = profile.startedAtNs;
  // Some profiles do not say when they began: their first point does.
  if (startNs === 0n) {
    for (const { points } of profile.gauges) {
      const first = points[0]?.timeNs ?? 0n;
      if (startNs === 0n || first < startNs) startNs = first;
    }
  }
  return (timeNs) => Math.round(Number(timeNs - startNs) / 1e3) / 1e6;
}

/** More points than pixels say nothing more. */
const MAX_POINTS = 1_500;

/**
 * Times at which everything of a process is drawn: those of the longest series, thinned out evenly, and all of `kept`.
 * @param series of each the times, ascending.
 */
export function gridOf(series: readonly (readonly number[])[], kept: readonly number[]): number[] {
  const longest = series.reduce<readonly number[]>((most, times) => (times.length > most.length ? times : most), []);
  const step = Math.max(1, longest.length / MAX_POINTS);
  const times = new Set(kept);
  for (let at = 0; at < longest.length; at += step) times.add(longest[Math.floor(at)] ?? 0);
  const last = longest.at(-1);
  if (last !== undefined) times.add(last);
  return [...times].sort((a, b) => a - b);
}

/**
 * The values of a series on the grid: the highest since the point of the grid before, so that thinning loses no peak; where there is
 * none since, the last. null before the first.
 */
export function resample(points: Gauge['points'], secondsOf: SecondsOf, seconds: readonly number[]): (number | null)[] {
  let next = 0;
  let last: number | null = null;
  return seconds.map((time) => {
    let highest: number | null = null;
    for (; next < points.length; next++) {
      const point = points[next];
      if (point === undefined || secondsOf(point.timeNs) > time) break;
      last = Math.round(point.value);
      highest = highest === null ? last : Math.max(highest, last);
    }
    return highest ?? last;
  });
}

/** The values between readings, in a straight line; null outside. */
export function interpolate(
  times: readonly number[],
  values: readonly number[],
  seconds: readonly number[],
): (number | null)[] {
  let after = 0;
  return seconds.map((time) => {
    while (after < times.length && (times[after] ?? 0) < time) after++;
    const right = times[after];
    if (right === undefined) return null;
    if (right === time) return Math.round(values[after] ?? 0);
    const left = times[after - 1];
    if (left === undefined) return null;
    const share = (time - left) / (right - left);
    return Math.round((values[after - 1] ?? 0) * (1 - share) + (values[after] ?? 0) * share);
  });
}
