import type { Gauge, Profile } from '../model/profile.js';
import type { Summary } from '../schema/summary.js';

/** What summary.json says of what changes with time. */
export function overTime(profile: Profile): Pick<Summary, 'gauges' | 'faults' | 'gc' | 'cgroup' | 'pressure'> {
  const ofSystem = profile.gauges.find(({ name }) => name === 'psi_some')?.pid;
  return {
    gauges: profile.gauges.map(gaugeOf),
    faults: faultsOf(profile),
    gc: profile.collections.map((use) => ({ ...use, causes: { ...use.causes } })),
    cgroup: pidsOf(profile).flatMap((pid) => cgroupOf(gaugesOfProcess(profile, pid), pid) ?? []),
    pressure: waitsOf(gaugesOfProcess(profile, ofSystem), 'psi'),
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

/** A process that becomes another program keeps its id. */
const pidsOf = ({ processes }: Profile): number[] => [...new Set(processes.map(({ pid }) => pid))];

/** The last of each name, of what there is one of in a process. */
type Named = (name: string) => Gauge | undefined;

function gaugesOfProcess({ gauges }: Profile, pid: number | undefined): Named {
  const own = new Map(gauges.filter((gauge) => gauge.pid === pid).map((gauge) => [gauge.name, gauge]));
  return (name) => own.get(name);
}

/** Of each process of which they are known. */
function faultsOf(profile: Profile): Summary['faults'] {
  return pidsOf(profile).flatMap((pid) => {
    const named = gaugesOfProcess(profile, pid);
    const [minor, major] = [lastOf(named('minor_faults')), lastOf(named('major_faults'))];
    return minor === undefined || major === undefined ? [] : [{ pid, minor, major }];
  });
}

function cgroupOf(named: Named, pid: number): Summary['cgroup'][number] | undefined {
  const usage = named('cgroup_usage');
  if (usage === undefined) return undefined;
  const { start, peak, end } = gaugeOf(usage);
  const grown = (name: string): number => {
    const points = named(name)?.points ?? [];
    return (points.at(-1)?.value ?? 0) - (points[0]?.value ?? 0);
  };
  return {
    pid,
    usage: { start: start ?? 0, peak: peak ?? 0, end: end ?? 0 },
    limitBytes: lastOf(named('cgroup_limit')) ?? null,
    events: {
      oom: grown('cgroup_oom'),
      oomKill: grown('cgroup_oom_kill'),
      high: grown('cgroup_high'),
      max: grown('cgroup_max'),
    },
    ...waitsOf(named, 'cgroup_psi'),
  };
}

function waitsOf(named: Named, prefix: string): Summary['pressure'] {
  return { someNs: lastOf(named(`${prefix}_some`)) ?? null, fullNs: lastOf(named(`${prefix}_full`)) ?? null };
}

const lastOf = (gauge: Gauge | undefined): number | undefined => gauge?.points.at(-1)?.value;
