import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** One reading of `/proc/PID/status`, bytes. */
export interface MemoryGauges {
  readonly rssBytes: number;
  readonly anonBytes: number;
  readonly fileBytes: number;
  readonly shmemBytes: number;
  readonly threads: number;
}

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

/** This and what follows answers undefined or nothing where the process is gone or there is no /proc. */
export function readMemoryGauges(pid: number): MemoryGauges | undefined {
  const status = readText(`/proc/${pid}/status`);
  if (status === undefined) return undefined;
  const kib = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    rssBytes: kib('VmRSS'),
    anonBytes: kib('RssAnon'),
    fileBytes: kib('RssFile'),
    shmemBytes: kib('RssShmem'),
    threads: kib('Threads') / 1024,
  };
}

/** Names of the threads by thread id, as `pthread_setname_np` set them. */
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
