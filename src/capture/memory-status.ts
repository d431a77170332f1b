import { type KeptFile, keepFile } from './kept-file.js';

/** One reading of `/proc/PID/status`, bytes. */
export interface MemoryGauges {
  readonly rssBytes: number;
  readonly anonBytes: number;
  readonly fileBytes: number;
  readonly shmemBytes: number;
  readonly swapBytes: number;
  readonly pageTableBytes: number;
}

/** Page faults since the process started, those of threads that have ended included. */
export interface Faults {
  readonly minor: number;
  /** Had to wait for a disk. */
  readonly major: number;
}

/** The memory of one process as the kernel counts it. */
export interface MemoryStatus {
  /** Undefined where the process is gone or there is no /proc. */
  memory(): MemoryGauges | undefined;
  faults(): Faults | undefined;
  close(): void;
}

/** Of the process that has the pid now: should it end and the pid come back, there is nothing to read. */
export function openMemoryStatus(pid: number): MemoryStatus {
  const status = keepFile(`/proc/${pid}/status`);
  const stat: KeptFile = keepFile(`/proc/${pid}/stat`);
  return {
    memory: () => parseStatus(status.read()),
    faults: () => parseStat(stat.read()),
    close() {
      status.close();
      stat.close();
    },
  };
}

/** Sizes of a kernel thread or a zombie are 0. */
export function parseStatus(text: string | undefined): MemoryGauges | undefined {
  if (text === undefined) return undefined;
  const bytes = (name: string): number => {
    const at = text.indexOf(`\n${name}:`);
    return at < 0 ? 0 : 1024 * Number.parseInt(text.slice(at + name.length + 2, at + name.length + 24), 10);
  };
  return {
    rssBytes: bytes('VmRSS'),
    anonBytes: bytes('RssAnon'),
    fileBytes: bytes('RssFile'),
    shmemBytes: bytes('RssShmem'),
    swapBytes: bytes('VmSwap'),
    pageTableBytes: bytes('VmPTE'),
  };
}

/** Fields of proc(5) after the name, which may hold anything: the third of the file is the first here. */
const MINOR_FAULTS = 7;
const MAJOR_FAULTS = 9;

export function parseStat(text: string | undefined): Faults | undefined {
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ', MAJOR_FAULTS + 1);
  const [minor, major] = [Number(fields?.[MINOR_FAULTS]), Number(fields?.[MAJOR_FAULTS])];
  return Number.isSafeInteger(minor) && Number.isSafeInteger(major) ? { minor, major } : undefined;
}
