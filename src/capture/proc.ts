import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** When a process started, in any unit: a pid that is used again starts later. Without /proc an empty text for those that run. */
export function readStartTime(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined && !existsSync('/proc/self/stat')) return canBeSignalled(pid) ? '' : undefined;
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds no memory any more: for a profiler it has ended.
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

/** Whether a process of that id runs. A zombie does not. */
export function isAlive(pid: number): boolean {
  return readStartTime(pid) !== undefined;
}

function canBeSignalled(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Names of the threads by thread id, as `pthread_setname_np` set them; nothing where the process is gone or there is no /proc. */
export function readThreadNames(pid: number): Record<string, string> {
  const names: Record<string, string> = {};
  let tids: string[] = [];
  try {
    tids = readdirSync(`/proc/${pid}/task`);
  } catch {
    return names; // gone
  }
  for (const tid of tids) {
    const name = readText(`/proc/${pid}/task/${tid}/comm`)?.trimEnd();
    if (name !== undefined) names[tid] = name;
  }
  return names;
}

/** The whole of `/proc/PID/maps`. */
export function readMaps(pid: number): string | undefined {
  return readText(`/proc/${pid}/maps`);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // processes come and go
  }
}
