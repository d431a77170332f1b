import type { HeapWalk } from '../recording/ledger.js';
import { PAGE_BYTES } from './page-size.js';
import type { ProcessMemory } from './process-memory.js';

/*
 * A heap of glibc's, seen from outside: chunks that follow each other without a gap (malloc/malloc.c, "struct malloc_chunk").
 *
 *     chunk -> | size of the previous chunk, if that is free | size | A M P |   A: not of the main arena, M: mapped on its own,
 *     user  -> | ...                                                        |   P: the previous chunk is in use
 *     next  -> | ...                                          | size | . . P |  P of the next chunk: this one is in use
 */
const PREVIOUS_IN_USE = 1;
const SIZE_MASK = ~7;
const MIN_CHUNK_BYTES = 32;
/** malloc_trim(3) keeps this much at the beginning of a free chunk (its links), and of the end of a heap (MINSIZE, one byte more). */
const FREE_HEAD_BYTES = 48;
const TOP_HEAD_BYTES = 33;
/** Of a chunk in a fast bin, at most (M_MXFAST of 160 and its header). */
const MAX_FAST_BYTES = 176;
const WINDOW_BYTES = 1 << 20;
/** `struct tcache_perthread_struct` of glibc 2.30 to 2.41: 64 counts (u16), 64 lists; with its header 0x290 bytes. */
const CACHE_CHUNK_BYTES = 0x290;
const CACHE_BINS = 64;

export interface HeapRange {
  readonly start: number;
  readonly bytes: number;
  readonly rssBytes: number;
  /** Of its first chunk. */
  readonly first: number;
  readonly arena: number;
}

/**
 * Walks through one heap, reading resident pages only. The program may be running: then a chunk can change under our hands, and the walk
 * ends there (`unreachedBytes`).
 * @param pages of the heap, one byte a page.
 * @param fastChunks chunks that are free, though the next one says that they are in use.
 */
export function walkHeap(
  heap: HeapRange,
  pages: Uint8Array,
  read: NonNullable<ProcessMemory['read']>,
  fastChunks: ReadonlySet<number>,
): HeapWalk {
  const end = heap.start + heap.bytes;
  const resident = createResidency(heap.start, pages);
  const words = createWindow(heap.start, end, pages, read);
  const sum = { live: 0, liveChunks: 0, free: 0, freePages: 0, top: 0, topPages: 0, cached: 0, untouched: 0 };
  let at = heap.first;
  let size = words.sizeAt(at);
  const lead = resident(heap.start, at);
  /** The first of free chunks that follow each other: malloc_trim(3) joins them. */
  let run: number | undefined;
  const endRun = (to: number): void => {
    if (run !== undefined) sum.freePages += resident(pageAfter(run + FREE_HEAD_BYTES), to - (to % PAGE_BYTES));
    run = undefined;
  };

  while (size !== undefined) {
    const bytes = chunkBytes(size);
    const next = at + bytes;
    if (bytes < MIN_CHUNK_BYTES && bytes !== 16) break;
    if (next > end) break;
    if (next + MIN_CHUNK_BYTES > end) {
      sum.top += resident(at, end);
      sum.topPages += resident(pageAfter(at + TOP_HEAD_BYTES), end);
      endRun(at);
      at = end;
      break;
    }
    const nextSize = words.sizeAt(next);
    if (nextSize === undefined) break;
    const here = resident(at, next);
    if (nextSize & PREVIOUS_IN_USE && !(bytes <= MAX_FAST_BYTES && fastChunks.has(at))) {
      endRun(at);
      sum.live += here;
      sum.liveChunks++;
      sum.untouched += bytes - here;
      if (bytes === CACHE_CHUNK_BYTES) sum.cached += words.cachedBytes(at + 16);
    } else {
      sum.free += here;
      run ??= at;
    }
    at = next;
    size = nextSize;
  }
  endRun(at);
  return {
    start: heap.start,
    bytes: heap.bytes,
    arena: heap.arena,
    // The arena's own record before the first chunk is in use as well.
    liveBytes: lead + sum.live,
    liveChunks: sum.liveChunks,
    freeBytes: sum.free,
    freePageBytes: sum.freePages,
    topBytes: sum.top,
    topPageBytes: sum.topPages,
    cachedBytes: sum.cached,
    untouchedBytes: sum.untouched,
    unreachedBytes: resident(at, end),
  };
}

/** The first address that begins a page, from this one on. */
function pageAfter(address: number): number {
  return Math.ceil(address / PAGE_BYTES) * PAGE_BYTES;
}

/** How many chunks in a row make sense from an address on, 16 at most: tells whether a heap's first chunk is there. */
export function chunksInARow(first: number, end: number, read: NonNullable<ProcessMemory['read']>): number {
  const word = Buffer.alloc(8);
  let at = first;
  for (let count = 0; count < 16; count++) {
    if (at + 16 > end) return count;
    if (read(at + 8, word) < 8) return count;
    const size = word.readUInt32LE(0) + word.readUInt32LE(4) * 2 ** 32;
    const bytes = chunkBytes(size);
    if (bytes < 16 || (bytes < MIN_CHUNK_BYTES && bytes !== 16) || bytes % 16 !== 0 || at + bytes > end) return count;
    if (count === 0 && (size & PREVIOUS_IN_USE) === 0) return 0;
    if (at + bytes === end) return 16;
    at += bytes;
  }
  return 16;
}

/** The low word alone has the flags; sizes above 4 GiB keep their upper half. */
function chunkBytes(size: number): number {
  if (size < 2 ** 32) return (size & SIZE_MASK) >>> 0;
  const low = size % 2 ** 32;
  return size - low + ((low & SIZE_MASK) >>> 0);
}

/** Resident bytes between two addresses, to the byte. */
function createResidency(base: number, pages: Uint8Array): (from: number, to: number) => number {
  const before = new Uint32Array(pages.length + 1);
  for (let i = 0; i < pages.length; i++) before[i + 1] = (before[i] ?? 0) + (pages[i] ?? 0);
  return (from, to) => {
    if (to <= from) return 0;
    const first = Math.floor((from - base) / PAGE_BYTES);
    const last = Math.floor((to - 1 - base) / PAGE_BYTES);
    // Most chunks are within a page.
    if (first === last) return pages[first] ? to - from : 0;
    const count = (before[last + 1] ?? 0) - (before[first] ?? 0);
    if (count === last - first + 1) return to - from;
    const head = pages[first] ? from - base - first * PAGE_BYTES : 0;
    const tail = pages[last] ? base + (last + 1) * PAGE_BYTES - to : 0;
    return count * PAGE_BYTES - head - tail;
  };
}

interface Window {
  /** The size word, flags included, of the chunk at an address; undefined where its page is not resident or cannot be read. */
  sizeAt(chunk: number): number | undefined;
  /** Bytes of the blocks in a thread's cache; 0 if this is none. */
  cachedBytes(user: number): number;
}

function createWindow(base: number, end: number, pages: Uint8Array, read: NonNullable<ProcessMemory['read']>): Window {
  const buffer = Buffer.alloc(WINDOW_BYTES);
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, WINDOW_BYTES / 4);
  let from = 0;
  let to = 0;

  /** Makes `[address, address + bytes)` readable in the buffer, with as many resident pages after it as fit. */
  function has(address: number, bytes: number): boolean {
    if (address >= from && address + bytes <= to) return true;
    const first = Math.floor((address - base) / PAGE_BYTES);
    let count = 0;
    while (count < WINDOW_BYTES / PAGE_BYTES && pages[first + count] === 1) count++;
    from = base + first * PAGE_BYTES;
    to = Math.min(from + count * PAGE_BYTES, end);
    if (to > from) to = from + read(from, buffer.subarray(0, to - from));
    return address + bytes <= to;
  }

  return {
    sizeAt(chunk) {
      if (!has(chunk + 8, 8)) return undefined;
      const word = (chunk + 8 - from) / 4;
      const size = (words[word] ?? 0) + (words[word + 1] ?? 0) * 2 ** 32;
      return size < 2 ** 47 && chunkBytes(size) % 16 === 0 ? size : undefined;
    },
    cachedBytes(user) {
      if (!has(user, CACHE_CHUNK_BYTES - 16)) return 0;
      const at = user - from;
      let bytes = 0;
      for (let bin = 0; bin < CACHE_BINS; bin++) {
        const count = buffer.readUInt16LE(at + 2 * bin);
        const list = buffer.readBigUInt64LE(at + 2 * CACHE_BINS + 8 * bin);
        // Not the cache of a thread: some block of the program's that has its size.
        if (count > 127 || (count === 0) !== (list === 0n)) return 0;
        bytes += count * (32 + 16 * bin);
      }
      return bytes;
    },
  };
}
