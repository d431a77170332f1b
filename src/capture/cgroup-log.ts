import { openCgroup, type Pressure, parsePressure } from './cgroup.js';
import { findCgroup } from './cgroup-place.js';
import { keepFile } from './kept-file.js';
import type { RecordingFile } from './recording-writer.js';
import { createSeriesLog } from './series-log.js';

/** The memory of a process's control group over time, and how long the group and the system waited for memory. */
export interface CgroupLog {
  tick(nowNs: bigint): void;
  flush(out: RecordingFile, nowNs: bigint, force: boolean): void;
  close(): void;
}

const LIMITS_EVERY_NS = 1_000_000_000n;

export function createCgroupLog(pid: number): CgroupLog {
  const place = findCgroup(pid);
  const group = place && openCgroup(place);
  const system = keepFile('/proc/pressure/memory');
  const usage = createSeriesLog([{ name: 'cgroup_usage', unit: 'bytes' }]);
  const limits = createSeriesLog([
    { name: 'cgroup_limit', unit: 'bytes' },
    { name: 'cgroup_oom', unit: 'count' },
    { name: 'cgroup_oom_kill', unit: 'count' },
    { name: 'cgroup_high', unit: 'count' },
    { name: 'cgroup_max', unit: 'count' },
  ]);
  const waits = createSeriesLog([
    { name: 'psi_some', unit: 'nanoseconds' },
    { name: 'psi_full', unit: 'nanoseconds' },
    { name: 'cgroup_psi_some', unit: 'nanoseconds' },
    { name: 'cgroup_psi_full', unit: 'nanoseconds' },
  ]);
  const sinceFirst = createSinceFirst();
  const groupSinceFirst = createSinceFirst();
  let limitsDueNs = 0n;

  function addLimits(nowNs: bigint): void {
    limitsDueNs = nowNs + LIMITS_EVERY_NS;
    if (group === undefined) return;
    const { oom, oomKill, high, max } = group.events();
    limits.add(nowNs, [group.limitBytes(), oom, oomKill, high, max]);
  }

  return {
    tick(nowNs) {
      const bytes = group?.usageBytes();
      if (bytes !== undefined) usage.add(nowNs, [bytes]);
      waits.add(nowNs, [...sinceFirst(parsePressure(system.read())), ...groupSinceFirst(group?.pressure())]);
      if (nowNs >= limitsDueNs) addLimits(nowNs);
    },
    flush(out, nowNs, force) {
      // The last look counts what the program did to its end: the group outlives it.
      if (force) addLimits(nowNs);
      for (const log of [usage, limits, waits]) log.flush(out, nowNs, force);
    },
    close() {
      group?.close();
      system.close();
    },
  };
}

/** What was before the recording is not its business. */
function createSinceFirst(): (now: Pressure | undefined) => readonly (number | undefined)[] {
  let first: Pressure | undefined;
  return (now) => {
    if (now === undefined) return [undefined, undefined];
    first ??= now;
    return [now.someNs - first.someNs, now.fullNs - first.fullNs];
  };
}
