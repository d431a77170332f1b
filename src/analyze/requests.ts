import type { Gauge, Profile } from '../model/profile.js';

/** How memory grew with requests: the slope of a straight line, and the part of the variation that the line explains. */
export interface Growth {
  /** Whose: 'rss' and 'malloc' of the process, or of a pool, which is named. */
  readonly of: 'rss' | 'malloc' | 'pool';
  readonly pool?: string;
  readonly bytesPerRequest: number;
  readonly r2: number;
}

/** The requests of one process, and what grew with them. */
export interface RequestUse {
  readonly pid: number;
  readonly requests: number;
  /** Empty where there were too few requests to tell. */
  readonly growth: readonly Growth[];
}

/** Fewer say nothing of a trend. */
const LEAST_REQUESTS = 20;
const LEAST_POINTS = 8;
/** The first requests fill caches and pools. */
const WARM_UP_SHARE = 0.25;

/** Of each process that answered some, by the gauges `requests`. */
export function requestUses(profile: Profile): RequestUse[] {
  return profile.gauges.filter(({ name }) => name === 'requests').flatMap((counted) => useOf(profile, counted));
}

function useOf({ gauges }: Profile, counted: Gauge): RequestUse[] {
  const { pid, points } = counted;
  const requests = points.at(-1)?.value ?? 0;
  if (requests === 0) return [];
  const growth = gauges.flatMap((gauge): Growth[] => {
    const of = gauge.pid === pid ? KINDS[gauge.name] : undefined;
    if (of === undefined || gauge.arena !== undefined) return [];
    const line = lineThrough(growthPoints(gauge, counted));
    return line === undefined ? [] : [{ of, ...(gauge.pool !== undefined && { pool: gauge.pool }), ...line }];
  });
  return [{ pid, requests, growth }];
}

/** Gauges that are looked at. */
const KINDS: Readonly<Record<string, Growth['of']>> = { rss: 'rss', malloc_live_estimate: 'malloc', live: 'pool' };

type Point = readonly [requests: number, bytes: number];

/** The gauge at each count of requests after the warm-up; a value holds until the next. */
function growthPoints({ points }: Gauge, counted: Gauge): Point[] {
  const requests = counted.points.at(-1)?.value ?? 0;
  if (requests < LEAST_REQUESTS) return [];
  const found: Point[] = [];
  let at = 0;
  for (const { timeNs, value } of counted.points) {
    while (at + 1 < points.length && (points[at + 1]?.timeNs ?? 0n) <= timeNs) at++;
    const point = points[at];
    if (point === undefined || point.timeNs > timeNs || value < WARM_UP_SHARE * requests) continue;
    found.push([value, point.value]);
  }
  return found;
}

/** Least squares; undefined for too few points. A level line explains all that there is: R² is 1. */
export function lineThrough(points: readonly Point[]): { bytesPerRequest: number; r2: number } | undefined {
  if (points.length < LEAST_POINTS) return undefined;
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([requests]) => requests), mean(([, bytes]) => bytes)];
  const xx = mean(([requests]) => (requests - x) ** 2);
  const yy = mean(([, bytes]) => (bytes - y) ** 2);
  const xy = mean(([requests, bytes]) => (requests - x) * (bytes - y));
  if (xx === 0) return undefined;
  return { bytesPerRequest: xy / xx, r2: yy === 0 ? 1 : (xy * xy) / (xx * yy) };
}
