import { readFileSync, readlinkSync } from 'node:fs';
import type { LedgerReading, RegionRow, StatusSizes, UnseenCode } from '../recording/ledger.js';
import { readMap } from './gentle-map.js';
import { walkHeap } from './heap-walk.js';
import { findMalloc } from './malloc-heaps.js';
import { readMallocState } from './malloc-state.js';
import { PAGE_BYTES } from './page-size.js';
import { openProcessMemory } from './process-memory.js';
import type { MemoryMap } from './smaps.js';

/** A reading during which RSS moved by more than this share is done again, so often. */
const MAX_SKEW = 0.005;
const MAX_RETRIES = 3;
/** In passing one more try is worth its cost: there is a reading of the next high. */
const MAX_RETRIES_IN_PASSING = 1;
/** Share by which a map and statm may differ where nobody can read again. */
const TORN = 0.01;

export interface ReadingOptions {
  readonly reason: LedgerReading['reason'];
  /** Resident bytes of malloc heaps that may be walked chunk by chunk; 0: none. */
  readonly walkBytes: number;
  /** Mappings of the reading before, or none; where this is given, a large mapping is read without holding the program up. */
  readonly earlier?: readonly RegionRow[];
}

/**
 * Reads the memory of a process from outside: statm, smaps, malloc's records, statm again. The process runs on.
 * @throws the error of open(2) or read(2) where it has ended (ENOENT, ESRCH) or may not be read (EACCES, EPERM).
 */
export function readLedger(pid: number, options: ReadingOptions): LedgerReading {
  const began = process.hrtime.bigint();
  const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  let once = readOnce(pid, options);
  let retries = 0;
  // At its end a process gives more and more back: what was read first is nearest to what it had.
  const maxRetries = { end: 0, outside: MAX_RETRIES, peak: MAX_RETRIES_IN_PASSING, timer: MAX_RETRIES_IN_PASSING }[
    options.reason
  ];
  while (retries < maxRetries && moved(once) > MAX_SKEW) {
    once = readOnce(pid, options);
    retries++;
  }
  return {
    reason: options.reason,
    timeNs: began.toString(),
    pid,
    name,
    durationNs: Number(process.hrtime.bigint() - began),
    retries,
    ...once,
  };
}

type Once = Omit<LedgerReading, 'reason' | 'timeNs' | 'pid' | 'name' | 'durationNs' | 'retries'>;

function readOnce(pid: number, options: ReadingOptions): Once {
  const unseen: UnseenCode[] = ['v8'];
  const status = readStatus(pid);
  const executable = readLink(`/proc/${pid}/exe`);
  const rssBeforeBytes = readRss(pid);
  const map = readMap(pid, options.earlier === undefined ? 0 : rssBeforeBytes, options.earlier);
  if (map.isGentle) unseen.push('flags');
  const isEnd = options.reason === 'end';
  const rssThenBytes = readRss(pid);
  if (map.regions.length === 0 || (rssThenBytes === 0 && !(isEnd && isAbout(map, rssBeforeBytes)))) throw gone();
  const mallocBegan = process.hrtime.bigint();
  const malloc = readMalloc(pid, map, options, unseen, () => {
    const rssBytes = readRss(pid);
    return rssBytes > 0 && (!isEnd || Math.abs(rssBytes - rssThenBytes) <= MAX_SKEW * rssThenBytes);
  });
  const mallocNs = Number(process.hrtime.bigint() - mallocBegan);
  const rssAfterBytes = isEnd ? rssThenBytes || rssBeforeBytes : readRss(pid);
  if (rssAfterBytes === 0) throw gone();
  return {
    rssBeforeBytes,
    rssAfterBytes,
    status,
    paths: map.paths,
    executable: map.paths.indexOf(executable),
    regions: map.regions,
    pssBytes: map.pssBytes,
    mallocNs,
    ...malloc,
    unseen,
  };
}

/** A map that was read while the process gave its memory back holds less than there was. */
function isAbout({ regions }: MemoryMap, rssBytes: number): boolean {
  const sum = regions.reduce((total, region) => total + region[4], 0);
  return Math.abs(sum - rssBytes) <= TORN * rssBytes;
}

function gone(): Error {
  return Object.assign(new Error('it has no memory any more'), { code: 'ESRCH' });
}

/**
 * Pieces are what they are found to be, whatever comes after. A walk through a heap of a process that is taking itself apart is of no use.
 * @param isStill whether the process has what it had when its map was read.
 */
function readMalloc(
  pid: number,
  map: MemoryMap,
  { walkBytes }: ReadingOptions,
  unseen: UnseenCode[],
  isStill: () => boolean,
): Pick<LedgerReading, 'pieces' | 'heaps' | 'arenas'> {
  const memory = openProcessMemory(pid);
  try {
    const { read, resident } = memory;
    if (resident === undefined) unseen.push('pagemap');
    if (read === undefined) unseen.push('memory');
    const { pieces, heaps } = findMalloc(map, memory);
    if (!isStill()) {
      unseen.push('ended', 'memory');
      return { pieces };
    }
    if (read === undefined || resident === undefined || heaps.length === 0) return { pieces };
    const total = heaps.reduce((sum, { range }) => sum + range.rssBytes, 0);
    if (total > walkBytes) {
      unseen.push(walkBytes === 0 ? 'walkRate' : 'walkLimit');
      return { pieces };
    }
    const ranges = heaps.map(({ range }) => range);
    const { arenas, fastChunks } = readMallocState(map, ranges, read);
    const walks = heaps.map(({ range, pages }) => walkHeap(range, pages, read, fastChunks));
    if (isStill()) return { pieces, heaps: walks, arenas };
    unseen.push('ended');
    return { pieces };
  } finally {
    memory.close();
  }
}

/** Share of RSS by which it moved while it was read. */
function moved({ rssBeforeBytes, rssAfterBytes }: Once): number {
  return Math.abs(rssAfterBytes - rssBeforeBytes) / Math.max(1, rssBeforeBytes);
}

/** 0 where the process has given its memory back, or is gone. */
function readRss(pid: number): number {
  try {
    return PAGE_BYTES * Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1] ?? 0);
  } catch {
    return 0; // the callers say so
  }
}

function readStatus(pid: number): StatusSizes {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  const number = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    rssBytes: 1024 * number('VmRSS'),
    highWaterBytes: 1024 * number('VmHWM'),
    swapBytes: 1024 * number('VmSwap'),
    pageTableBytes: 1024 * number('VmPTE'),
    hugetlbBytes: 1024 * number('HugetlbPages'),
    threads: number('Threads'),
  };
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // of a kernel thread, or not permitted: its binary is then a file like others
  }
}
