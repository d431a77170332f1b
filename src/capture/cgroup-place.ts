import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the kernel shows the memory of a control group. */
export interface CgroupPlace {
  readonly version: 1 | 2;
  /** The group of the process first, then those around it, up to the outermost that is to be seen from here. */
  readonly folders: readonly string[];
}

/** Which file is there in every group that counts memory. */
const USAGE = { 1: 'memory.usage_in_bytes', 2: 'memory.current' } as const;

/** Undefined where memory is not counted by groups, or the process's is outside of what this one sees. */
export function findCgroup(pid: number): CgroupPlace | undefined {
  return placeOf(readText(`/proc/${pid}/cgroup`), readText('/proc/self/mountinfo'));
}

/** Whether memprof itself is in the same groups. */
export function isInOurCgroup(pid: number): boolean {
  return readText(`/proc/${pid}/cgroup`) === readText('/proc/self/cgroup');
}

/**
 * @param groups of `/proc/PID/cgroup`: `<hierarchy>:<controllers>:<path>`; version 2 has hierarchy 0 and no controllers.
 * @param mounts of `/proc/self/mountinfo`, proc_pid_mountinfo(5).
 */
export function placeOf(groups: string, mounts: string): CgroupPlace | undefined {
  const mounted = mounts.split('\n').flatMap((line) => mountOf(line) ?? []);
  // Where version 1 has the memory, version 2 is there beside it without.
  for (const version of [1, 2] as const) {
    const path = pathIn(groups, version);
    const mount = mounted.find((one) => one.version === version);
    if (path === undefined || mount === undefined) continue;
    const folders = foldersOf(path, mount).filter((folder) => existsSync(join(folder, USAGE[version])));
    if (folders.length > 0) return { version, folders };
  }
  return undefined;
}

interface Mount {
  readonly version: 1 | 2;
  /** What of the hierarchy is mounted, and where. */
  readonly root: string;
  readonly point: string;
}

function mountOf(line: string): Mount | undefined {
  const [place = '', system = ''] = line.split(' - ');
  const [, , , root, point] = place.split(' ').map(unescaped);
  const [type, , options = ''] = system.split(' ');
  if (root === undefined || point === undefined) return undefined;
  if (type === 'cgroup2') return { version: 2, root, point };
  return type === 'cgroup' && options.split(',').includes('memory') ? { version: 1, root, point } : undefined;
}

function pathIn(groups: string, version: 1 | 2): string | undefined {
  for (const line of groups.split('\n')) {
    const [, hierarchy, controllers = '', path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const isIt = version === 2 ? hierarchy === '0' && controllers === '' : controllers.split(',').includes('memory');
    if (isIt) return path;
  }
  return undefined;
}

/** In a container the mount begins at the group that the path ends with; a path above it (`/..`) is not to be seen. */
function foldersOf(path: string, { root, point }: Mount): string[] {
  const below = root === '/' ? path : path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : '/';
  const names = below.split('/').filter((name) => name !== '');
  if (names.includes('..')) return [point];
  return Array.from({ length: names.length + 1 }, (_, up) => join(point, ...names.slice(0, names.length - up)));
}

/** Blanks and the like are octal there. */
function unescaped(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone, or no /proc: there is no group to be seen then
  }
}
