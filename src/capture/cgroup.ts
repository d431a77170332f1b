import { join } from 'node:path';
import type { CgroupPlace } from './cgroup-place.js';
import { keepFile } from './kept-file.js';

/** What a control group says of its memory; undefined where it does not. */
export interface Cgroup {
  /** All of its processes together, page cache included. */
  usageBytes(): number | undefined;
  /** The tightest of the group and of those around it; undefined for none. */
  limitBytes(): number | undefined;
  events(): CgroupEvents;
  pressure(): Pressure | undefined;
  close(): void;
}

/** How often, since the group was made. */
export interface CgroupEvents {
  readonly oom?: number | undefined;
  readonly oomKill?: number | undefined;
  /** Was slowed down since it was above `memory.high`. */
  readonly high?: number | undefined;
  /** Ran into its limit, and pages had to be reclaimed. */
  readonly max?: number | undefined;
}

/** Time in which some, or all, tasks waited for memory; Documentation/accounting/psi.rst. */
export interface Pressure {
  readonly someNs: number;
  readonly fullNs: number;
}

/** Version 1 writes the largest multiple of a page for "no limit". */
const NO_LIMIT_BYTES = 2 ** 62;

export function openCgroup({ version, folders }: CgroupPlace): Cgroup {
  const own = (name: string) => keepFile(join(folders[0] ?? '', name));
  const isOld = version === 1;
  const usage = own(isOld ? 'memory.usage_in_bytes' : 'memory.current');
  const limits = folders.map((folder) => keepFile(join(folder, isOld ? 'memory.limit_in_bytes' : 'memory.max')));
  const events = own(isOld ? 'memory.oom_control' : 'memory.events');
  const failures = isOld ? own('memory.failcnt') : undefined;
  const pressure = own('memory.pressure');
  return {
    usageBytes: () => wholeOf(usage.read()),
    limitBytes() {
      const all = limits.flatMap((limit) => wholeOf(limit.read()) ?? []).filter((bytes) => bytes < NO_LIMIT_BYTES);
      return all.length === 0 ? undefined : Math.min(...all);
    },
    events() {
      const text = events.read();
      return {
        oom: fieldOf(text, 'oom'),
        oomKill: fieldOf(text, 'oom_kill'),
        high: fieldOf(text, 'high'),
        max: failures === undefined ? fieldOf(text, 'max') : wholeOf(failures.read()),
      };
    },
    pressure: () => parsePressure(pressure.read()),
    close() {
      for (const file of [usage, ...limits, events, failures, pressure]) file?.close();
    },
  };
}

/** 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0', and the same of 'full': µs since the group or the system began. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const total = (kind: string): number =>
    1000 * Number(new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text ?? '')?.[1]);
  const [someNs, fullNs] = [total('some'), total('full')];
  return Number.isFinite(someNs) && Number.isFinite(fullNs) ? { someNs, fullNs } : undefined;
}

/** 'max' is no number: there is none. */
function wholeOf(text: string | undefined): number | undefined {
  const value = text === undefined || !/^\d+\s*$/.test(text) ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function fieldOf(text: string | undefined, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1];
  return value === undefined ? undefined : Number(value);
}
