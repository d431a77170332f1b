import type { Gauge, Profile } from '../model/profile.js';
import type { Summary } from '../schema/summary.js';

/** What summary.json says of what changes with time. */
export function overTime(profile: Profile): Pick<Summary, 'gauges' | 'faults' | 'gc'> {
  return {
    gauges: profile.gauges.map(gaugeOf),
    faults: faultsOf(profile),
    gc: profile.collections.map((use) => ({ ...use, causes: { ...use.causes } })),
  };
}

function gaugeOf({ points, ...gauge }: Gauge): Summary['gauges'][number] {
  let peak = points[0];
  for (const point of points) if (peak === undefined || point.value > peak.value) peak = point;
  return {
    ...gauge,
    points: points.length,
    start: points[0]?.value ?? null,
    peak: peak?.value ?? null,
    peakTimeNs: peak?.timeNs.toString() ?? null,
    end: points.at(-1)?.value ?? null,
  };
}

/** Of each process of which they are known. */
function faultsOf({ processes, gauges }: Profile): Summary['faults'] {
  const lastOf = (pid: number, name: string): number | undefined =>
    gauges.find((gauge) => gauge.pid === pid && gauge.name === name)?.points.at(-1)?.value;
  return processes.flatMap(({ pid }) => {
    const [minor, major] = [lastOf(pid, 'minor_faults'), lastOf(pid, 'major_faults')];
    return minor === undefined || major === undefined ? [] : [{ pid, minor, major }];
  });
}
