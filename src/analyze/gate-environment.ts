import type { GateEnvironment } from '../model/gate.js';

export interface EnvironmentDifference {
  /** What differs and may move figures a little; reports carry it. */
  readonly labels: readonly string[];
  /** What makes figures incomparable. */
  readonly obstacles: readonly string[];
}

/** How the environment of runs differs from their base's. Sampling settings do not: runs take those of the base. */
export function compareEnvironments(base: GateEnvironment, now: GateEnvironment): EnvironmentDifference {
  const labels: string[] = [];
  const obstacles: string[] = [];
  const compare = (what: string, a: string, b: string, isObstacle: boolean): void => {
    if (a !== b) (isObstacle ? obstacles : labels).push(`${what}: the base had ${a || 'none'}, this is ${b || 'none'}`);
  };
  compare('Node', base.node, now.node, majorOf(base.node) !== majorOf(now.node));
  compare('architecture', base.arch, now.arch, true);
  compare('C library', base.libc, now.libc, base.libc.split(' ')[0] !== now.libc.split(' ')[0]);
  compare('processors', String(base.cpus), String(now.cpus), false);
  compare('kernel', base.kernel, now.kernel, false);
  compare('memprof', base.memprof, now.memprof, false);
  return { labels, obstacles };
}

const majorOf = (version: string): string => /^v?(\d+)/.exec(version)?.[1] ?? '';
