import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { REGION_FLAG, type RegionRow } from '../recording/ledger.js';
import { PAGE_BYTES } from './page-size.js';
import { type MemoryMap, parseSmaps, readSmaps } from './smaps.js';

/*
 * For smaps the kernel walks through the pages of one mapping after another, and holds the lock of the address space for as long as one of them
 * takes: 18 ms for each GB of small pages, and longer where it has to wait for a processor. Threads of the program that map or unmap memory wait
 * for it. The page map is read in steps of 2 MiB, with the lock free between them.
 */

/** Resident bytes of one mapping that are walked in one go, about 9 ms. */
export const MAX_WALK_BYTES = 512 << 20;

const ENTRY_BYTES = 8;
const BATCH_PAGES = 1 << 16;
/** Of the highest byte of an entry: bits 63, 62, 61 and 56. Documentation/admin-guide/mm/pagemap.rst. */
const PRESENT = 0x80;
const SWAPPED = 0x40;
const FILE = 0x20;
const EXCLUSIVE = 0x01;

const { read: R, write: W, execute: X, dontFork, noHugePage, noReserve, dontDump, hugetlb } = REGION_FLAG;
const KERNEL_FLAGS = dontFork | noHugePage | noReserve | dontDump | hugetlb;
/** A reservation without rights has no pages worth a walk of its own: those of WebAssembly are 8 GiB. */
const MAX_RESERVE_BYTES = 64 << 20;
const WASM_RESERVE_BYTES = 4 * 2 ** 30;
/** V8 asks for its pages at random addresses between these (src/interpret/v8-places.ts). */
const V8_FROM = 0x1_0000_0000;
const V8_BELOW = 0x4000_0000_0000;

export interface GentleMap extends MemoryMap {
  /** Sizes are of the page map, and the kernel's flags of an earlier reading or by address. */
  readonly isGentle: boolean;
}

/**
 * The mappings of a process without holding it up: as `readSmaps`, but for processes with a mapping of more than `maxWalkBytes`.
 * Their huge pages are not told apart.
 * @param rssBytes of statm.
 * @param earlier the mappings of a reading before, for their flags.
 * @throws the error of open(2) or read(2): EACCES, ENOENT, or ESRCH where the process ended meanwhile.
 */
export function readMap(
  pid: number,
  rssBytes: number,
  earlier: readonly RegionRow[] = [],
  maxWalkBytes = MAX_WALK_BYTES,
): GentleMap {
  const pagemap = rssBytes < maxWalkBytes ? undefined : tryOpen(`/proc/${pid}/pagemap`);
  if (pagemap === undefined) return { ...readSmaps(pid), isGentle: false };
  try {
    const { regions, paths } = parseSmaps(readFileSync(`/proc/${pid}/maps`, 'latin1'));
    const known = new Map<number, Pages>();
    const pagesOf = (region: RegionRow): Pages => {
      const pages = known.get(region[0]) ?? countPages(pagemap, region);
      known.set(region[0], pages);
      return pages;
    };
    const isLarge = (region: RegionRow): boolean =>
      region[1] >= maxWalkBytes && residentOf(pagesOf(region)) * PAGE_BYTES >= maxWalkBytes;
    if (!regions.some(isLarge)) return { ...readSmaps(pid), isGentle: false };
    return { ...sized(regions, pagesOf, rssBytes, earlier, paths), paths, isGentle: true };
  } finally {
    closeSync(pagemap);
  }
}

/** Numbers of pages. The page of zeros, which is in no RSS, is among `shared`. */
interface Pages {
  readonly own: number;
  readonly shared: number;
  readonly file: number;
  readonly swapped: number;
}
const NONE: Pages = { own: 0, shared: 0, file: 0, swapped: 0 };

function residentOf({ own, file }: Pages): number {
  return own + file;
}

function sized(
  regions: readonly RegionRow[],
  pagesOf: (region: RegionRow) => Pages,
  rssBytes: number,
  earlier: readonly RegionRow[],
  paths: readonly string[],
): Pick<MemoryMap, 'regions' | 'pssBytes'> {
  const isHugetlb = (region: RegionRow): boolean => (paths[region[3]] ?? '').startsWith('/anon_hugepage');
  const pages = regions.map((region) => (isHugetlb(region) ? NONE : pagesOf(region)));
  const sum = (pick: (one: Pages) => number): number => pages.reduce((total, one) => total + pick(one), 0);
  const least = sum(residentOf) * PAGE_BYTES;
  const most = least + sum((one) => one.shared) * PAGE_BYTES;
  // Pages of no file that others have as well are those of a forked child, or the page of zeros: statm knows which.
  const hasForked = Math.abs(most - rssBytes) < Math.abs(least - rssBytes);
  const flags = flagsOf(regions, earlier);
  return {
    regions: regions.map((region, index) => {
      const { own, shared, file, swapped } = pages[index] ?? NONE;
      const anonymous = (own + (hasForked ? shared : 0)) * PAGE_BYTES;
      const [start, bytes, rights, path] = region;
      const all = rights | (flags[index] ?? 0) | (isHugetlb(region) ? hugetlb : 0);
      return [start, bytes, all, path, anonymous + file * PAGE_BYTES, anonymous, swapped * PAGE_BYTES, 0];
    }),
    // How many processes have a page is not known here.
    pssBytes: hasForked ? most : least,
  };
}

/** The kernel's flags of each region: those of the earlier one at its address; of new ones that lie where only V8's do, V8's. */
function flagsOf(regions: readonly RegionRow[], earlier: readonly RegionRow[]): number[] {
  const sorted = [...earlier].sort((a, b) => a[0] - b[0]);
  let next = 0;
  return regions.map((region, index) => {
    while (next < sorted.length && endOf(sorted[next]) <= region[0]) next++;
    const before = sorted[next];
    if (before !== undefined && before[0] <= region[0]) return before[2] & KERNEL_FLAGS;
    const isV8s = isInV8sPlace(region) || isReserve(region) || isBefore(region, regions[index + 1]);
    return region[3] === -1 && isV8s ? dontFork : 0;
  });
}

function endOf(region: RegionRow | undefined): number {
  return region === undefined ? 0 : region[0] + region[1];
}

function isInV8sPlace([start]: RegionRow): boolean {
  return start >= V8_FROM && start < V8_BELOW;
}

/** The addresses around a WebAssembly memory. */
function isReserve([, bytes, flags, path]: RegionRow): boolean {
  return path === -1 && (flags & (R | W | X)) === 0 && bytes >= WASM_RESERVE_BYTES;
}

function isBefore(region: RegionRow, next: RegionRow | undefined): boolean {
  return next !== undefined && endOf(region) === next[0] && isReserve(next);
}

function countPages(pagemap: number, [start, bytes, flags]: RegionRow): Pages {
  if ((flags & (R | W | X)) === 0 && bytes > MAX_RESERVE_BYTES) return NONE;
  const batch = Buffer.allocUnsafe(ENTRY_BYTES * Math.min(BATCH_PAGES, Math.ceil(bytes / PAGE_BYTES)));
  const pages = { own: 0, shared: 0, file: 0, swapped: 0 };
  const end = (start + bytes) / PAGE_BYTES;
  for (let page = start / PAGE_BYTES; page < end; ) {
    const wanted = Math.min(batch.length, ENTRY_BYTES * (end - page));
    const got = readSync(pagemap, batch, 0, wanted, page * ENTRY_BYTES);
    if (got < ENTRY_BYTES) break; // the process has given its memory back
    for (let at = ENTRY_BYTES - 1; at < got; at += ENTRY_BYTES) {
      const bits = batch[at] ?? 0;
      if (bits & PRESENT) {
        if (bits & FILE) pages.file++;
        else if (bits & EXCLUSIVE) pages.own++;
        else pages.shared++;
      } else if (bits & SWAPPED) pages.swapped++;
    }
    page += Math.floor(got / ENTRY_BYTES);
  }
  return pages;
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined; // not permitted, or gone: smaps tells which
  }
}
