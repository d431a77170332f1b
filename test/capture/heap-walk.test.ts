import { describe, expect, test } from 'vitest';
import { chunksInARow, walkHeap } from '../../src/capture/heap-walk.ts';
import { PAGE_BYTES } from '../../src/capture/page-size.ts';

const START = 1 << 30;
const PAGES = 8;
const IN_USE = 1;

/** A heap of eight pages: chunks by their size and the flag of the one before. */
function heapOf(chunks: readonly (readonly [bytes: number, flags: number])[]) {
  const memory = Buffer.alloc(PAGES * PAGE_BYTES);
  const starts: number[] = [];
  let at = 0;
  for (const [bytes, flags] of chunks) {
    memory.writeBigUInt64LE(BigInt(bytes + flags), at + 8);
    starts.push(START + at);
    at += bytes;
  }
  const pages = new Uint8Array(PAGES).fill(1);
  const read = (address: number, into: Buffer): number => {
    if (pages[Math.floor((address - START) / PAGE_BYTES)] !== 1) throw new Error('a page was read that is not there');
    return memory.copy(into, 0, address - START, address - START + into.length);
  };
  const range = { start: START, bytes: memory.length, rssBytes: memory.length, first: START, arena: 0 };
  return { memory, starts, pages, read, walk: (fast = new Set<number>()) => walkHeap(range, pages, read, fast) };
}

const REST = PAGES * PAGE_BYTES;

describe('a heap of glibc’s, chunk by chunk', () => {
  const free = 3 * PAGE_BYTES + 64;
  const chunks = [
    [96, IN_USE],
    [free, IN_USE],
    [160, 0], // in use, and the one before it is free
    [64, IN_USE],
    [REST - 96 - free - 160 - 64, IN_USE],
  ] as const;

  test('live, free and the end are to the byte; whole pages are what malloc_trim gives back', () => {
    const walk = heapOf(chunks).walk();
    expect(walk).toMatchObject({ liveBytes: 96 + 160 + 64, liveChunks: 3, freeBytes: free, unreachedBytes: 0 });
    expect(walk.topBytes).toBe(REST - 96 - free - 160 - 64);
    // It begins in the first page, and ends in the fourth.
    expect(walk.freePageBytes).toBe(2 * PAGE_BYTES);
    expect(walk.topPageBytes).toBe((PAGES - 4) * PAGE_BYTES);
  });

  test('pages that nobody touched are not read, and not resident', () => {
    const heap = heapOf(chunks);
    heap.pages[1] = 0;
    heap.pages[PAGES - 1] = 0;
    expect(heap.walk()).toMatchObject({ freeBytes: free - PAGE_BYTES, freePageBytes: PAGE_BYTES, unreachedBytes: 0 });
    expect(heap.walk().topPageBytes).toBe((PAGES - 5) * PAGE_BYTES);
  });

  test('a chunk in a fast bin is free, and one piece with free ones beside it', () => {
    const heap = heapOf(chunks);
    const [, , , fast = 0] = heap.starts;
    expect(heap.walk(new Set([fast]))).toMatchObject({ liveBytes: 96 + 160, liveChunks: 2, freeBytes: free + 64 });
    // The page that the free chunk's own links are in goes as well if the run begins before it.
    const beside = heapOf([
      [PAGE_BYTES - 64, IN_USE],
      [64, IN_USE],
      [2 * PAGE_BYTES, IN_USE],
      [64, 0],
      [REST - 3 * PAGE_BYTES - 64, IN_USE],
    ]);
    expect(beside.walk().freePageBytes).toBe(PAGE_BYTES);
    expect(beside.walk(new Set([START + PAGE_BYTES - 64])).freePageBytes).toBe(2 * PAGE_BYTES);
  });

  test('a size that makes no sense ends the walk: the rest is not reached', () => {
    const heap = heapOf(chunks);
    const [, , third = 0] = heap.starts;
    heap.memory.writeBigUInt64LE(0x4141_4141_4141_4141n, third - START + 8);
    const walk = heap.walk();
    expect(walk.liveBytes).toBe(96);
    expect(walk.unreachedBytes).toBe(REST - 96);
    expect(walk.liveBytes + walk.freeBytes + walk.topBytes + walk.unreachedBytes).toBe(REST);
  });

  test('blocks in the cache of a thread are free, and their list is in the chunk of its size', () => {
    const cache = 0x290;
    const heap = heapOf([
      [cache, IN_USE],
      [REST - cache, IN_USE],
    ]);
    // Two blocks of 32 bytes and three of 48.
    heap.memory.writeUInt16LE(2, 16);
    heap.memory.writeUInt16LE(3, 18);
    heap.memory.writeBigUInt64LE(0x1000n, 16 + 128);
    heap.memory.writeBigUInt64LE(0x2000n, 16 + 128 + 8);
    expect(heap.walk().cachedBytes).toBe(2 * 32 + 3 * 48);
    // A count without a list: a block of the program's that has its size.
    heap.memory.writeUInt16LE(1, 20);
    expect(heap.walk().cachedBytes).toBe(0);
  });
});

test('whether chunks make sense: sixteen in a row, or to the end', () => {
  const many = heapOf(Array.from({ length: 40 }, () => [32, IN_USE] as const));
  expect(chunksInARow(START, START + REST, many.read)).toBe(16);
  const few = heapOf([
    [32, IN_USE],
    [REST - 32, IN_USE],
  ]);
  expect(chunksInARow(START, START + REST, few.read)).toBe(16);
  const none = heapOf([[40, IN_USE]]);
  expect(chunksInARow(START, START + REST, none.read)).toBe(0);
});
