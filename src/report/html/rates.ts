import type { Gauge } from '../../model/profile.js';
import type { Rate } from './page-data.js';
import { interpolate, type SecondsOf } from './timeline.js';

/** Gauges that count up: of interest is how fast. Few letters: the name stands beside the lane. */
const RATES: readonly (readonly [gauge: string, title: string, hint: string])[] = [
  ['requests', 'requests', 'requests a second'],
  ['minor_faults', 'page faults', 'page faults a second that needed no disk'],
  ['major_faults', 'major faults', 'page faults a second that waited for a disk'],
  ['psi_some', 'memory wait', 'share of the time in which a task of the machine waited for memory'],
  ['cgroup_psi_some', 'cgroup wait', 'share of the time in which a task of the control group waited for memory'],
];
/** One for a few pixels. */
const BINS = 200;
/** Of waiting, what is not worth a lane: 0.1 % of the time. */
const LEAST_SHARE = 0.001;

/** How fast the counters of one process went up, between the first and the last of `seconds`; those that never did are left out. */
export function ratesOf(gauges: readonly Gauge[], secondsOf: SecondsOf, seconds: readonly number[]): Rate[] {
  const start = seconds[0] ?? 0;
  const step = ((seconds.at(-1) ?? 0) - start) / BINS;
  if (step <= 0) return [];
  const edges = Array.from({ length: BINS + 1 }, (_, at) => start + at * step);
  return RATES.flatMap(([name, title, hint]): Rate[] => {
    const gauge = gauges.find((one) => one.name === name);
    if (gauge === undefined) return [];
    const isShare = gauge.unit === 'nanoseconds';
    const times = gauge.points.map(({ timeNs }) => secondsOf(timeNs));
    const counts = interpolate(
      times,
      gauge.points.map(({ value }) => value),
      edges,
    );
    const values = edges.slice(1).map((_, at) => {
      const rise = ((counts[at + 1] ?? 0) - (counts[at] ?? counts[at + 1] ?? 0)) / step;
      return Number(Math.max(0, isShare ? rise / 1e9 : rise).toPrecision(3));
    });
    return Math.max(...values) <= (isShare ? LEAST_SHARE : 0)
      ? []
      : [{ name, title, hint, isShare, start, step, values }];
  });
}
