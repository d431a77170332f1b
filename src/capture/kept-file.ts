import { closeSync, openSync, readSync } from 'node:fs';

/** A small file of /proc or /sys that is read again and again: half the price of opening it each time. */
export interface KeptFile {
  /** What it says now; undefined where it cannot be read (any more). The longest that counts is 4 KiB. */
  read(): string | undefined;
  close(): void;
}

const BYTES = 4096;
const shared = Buffer.allocUnsafe(BYTES);

/** Never throws: what cannot be opened says undefined. */
export function keepFile(path: string): KeptFile {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
  } catch {
    fd = undefined; // not on this kernel, not permitted, or gone
  }
  return {
    read() {
      if (fd === undefined) return undefined;
      try {
        return shared.toString('latin1', 0, readSync(fd, shared, 0, BYTES, 0));
      } catch {
        return undefined; // ESRCH: the process has ended. EOPNOTSUPP: pressure is not counted here
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
