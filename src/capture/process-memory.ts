import { closeSync, openSync, readSync } from 'node:fs';
import { PAGE_BYTES } from './page-size.js';

const ENTRY_BYTES = 8;
/** Highest byte of a page map entry: bit 63 present, bit 56 mapped here only. Documentation/admin-guide/mm/pagemap.rst. */
const PRESENT = 0x80;
const EXCLUSIVE = 0x01;
const BATCH_PAGES = 1 << 16;

/** The memory of another process, as far as its pages are there. */
export interface ProcessMemory {
  /** Undefined where memory may not be read at all. Reads of pages that are not resident would bring them in: ask `resident` first. */
  readonly read: ((address: number, into: Buffer) => number) | undefined;
  /**
   * One byte a page of a region of which `rssBytes` are resident, 1: resident. Undefined where the page map may not be read.
   */
  readonly resident: ((start: number, bytes: number, rssBytes: number) => Uint8Array) | undefined;
  close(): void;
}

/** Never throws: what may not be opened is undefined. */
export function openProcessMemory(pid: number): ProcessMemory {
  const memory = tryOpen(`/proc/${pid}/mem`);
  const pagemap = tryOpen(`/proc/${pid}/pagemap`);
  const batch = Buffer.allocUnsafe(BATCH_PAGES * ENTRY_BYTES);

  function resident(fd: number, start: number, bytes: number, rssBytes: number): Uint8Array {
    const pages = new Uint8Array(Math.ceil(bytes / PAGE_BYTES));
    let present = 0;
    const first = Math.floor(start / PAGE_BYTES);
    for (let page = 0; page < pages.length; ) {
      const wanted = Math.min(BATCH_PAGES, pages.length - page);
      const got = readSync(fd, batch, 0, wanted * ENTRY_BYTES, (first + page) * ENTRY_BYTES);
      const count = Math.floor(got / ENTRY_BYTES);
      if (count === 0) break;
      for (let i = 0; i < count; i++) {
        const bits = batch[i * ENTRY_BYTES + 7] ?? 0;
        if ((bits & PRESENT) === 0) continue;
        pages[page + i] = bits & EXCLUSIVE ? 2 : 1;
        present++;
      }
      page += count;
    }
    // The page of zeros, which stands for memory that was read and never written, is present and not in RSS. It is nobody's own.
    const least = present * PAGE_BYTES > rssBytes ? 2 : 1;
    for (let i = 0; i < pages.length; i++) pages[i] = (pages[i] ?? 0) >= least ? 1 : 0;
    return pages;
  }

  return {
    read:
      memory === undefined
        ? undefined
        : (address, into) => {
            try {
              return readSync(memory, into, 0, into.length, address);
            } catch {
              return 0; // unmapped meanwhile, or the process ended: the caller has nothing to read
            }
          },
    resident: pagemap === undefined ? undefined : (start, bytes, rssBytes) => resident(pagemap, start, bytes, rssBytes),
    close() {
      for (const fd of [memory, pagemap]) if (fd !== undefined) closeSync(fd);
    },
  };
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined; // not permitted, or gone: said by the caller, once
  }
}

/** Resident bytes of `[start, start + bytes)` in a map of pages that begins at `base`; whole pages. */
export function residentBytes(pages: Uint8Array, base: number, start: number, bytes: number): number {
  let count = 0;
  const last = Math.ceil((start + bytes - base) / PAGE_BYTES);
  for (let page = Math.floor((start - base) / PAGE_BYTES); page < last; page++) count += pages[page] ?? 0;
  return count * PAGE_BYTES;
}
