import { PIECE_KINDS } from '../recording/ledger.js';
import { chunksInARow, type HeapRange } from './heap-walk.js';
import { PAGE_BYTES } from './page-size.js';
import type { ProcessMemory } from './process-memory.js';

/** The heaps of arenas are aligned to this, on 64-bit machines (HEAP_MAX_SIZE, malloc/arena.c). */
export const ARENA_HEAP_BYTES = 64 << 20;
const CHUNK = PIECE_KINDS.indexOf('chunk');
const HEAP = PIECE_KINDS.indexOf('heap');
const ABSEIL = PIECE_KINDS.indexOf('abseil');
/** `kMagicAllocated` of absl/base/internal/low_level_alloc.cc: with the block's address in the word after its size. */
const ABSEIL_MAGIC = 0x4c83_3e95n;
/** Where the first chunk may be: after `heap_info`, and in an arena's first heap after its `malloc_state`; versions differ. */
const FIRST_CHUNKS = [0x8d0, 0x8c0, 0x8b0, 0x8e0, 0x8a0, 0x8f0, 0x900, 0x890] as const;
const LATER_CHUNKS = [0x30, 0x20, 0x40] as const;

/** What begins at an address. */
export interface Place {
  readonly bytes: number;
  readonly kind: number;
  readonly heap?: HeapRange;
}

type Read = NonNullable<ProcessMemory['read']>;

/**
 * Tells whose memory begins at the address of a resident page, by what is written there; undefined: nobody's that is known.
 * Each page is read once: a process may have 60,000 mappings.
 */
export function createPlaceFinder(read: Read): (address: number, end: number) => Place | undefined {
  const page = Buffer.alloc(PAGE_BYTES);
  return (address, end) => {
    if (read(address, page) < PAGE_BYTES) return undefined;
    return (
      heapAt(read, page, address, end) ??
      chunkAt(page, address, end) ??
      abseilAt(page, address, end) ??
      mainPartAt(read, page, address, end)
    );
  };
}

/** A heap of an arena begins with a `heap_info`: its arena, the heap before, its size. */
function heapAt(read: Read, page: Buffer, address: number, end: number): Place | undefined {
  if (address % ARENA_HEAP_BYTES !== 0) return undefined;
  const arena = Number(page.readBigUInt64LE(0));
  const size = Number(page.readBigUInt64LE(16));
  if (size < PAGE_BYTES || size > ARENA_HEAP_BYTES || size % PAGE_BYTES !== 0 || arena % 16 !== 0) return undefined;
  if (arena % ARENA_HEAP_BYTES > 0x40 || arena === 0) return undefined;
  const isFirst = arena - address === arena % ARENA_HEAP_BYTES;
  const first = (isFirst ? FIRST_CHUNKS : LATER_CHUNKS)
    .map((offset) => ({ offset, chunks: chunksInARow(address + offset, address + size, read) }))
    .reduce((best, next) => (next.chunks > best.chunks ? next : best));
  const heap = { start: address, bytes: size, rssBytes: 0, first: address + first.offset, arena };
  return { bytes: Math.min(size, end - address), kind: HEAP, heap };
}

/** A mapped chunk has M alone set, whole pages, and what was skipped for alignment in the word before its size. */
function chunkAt(page: Buffer, address: number, end: number): Place | undefined {
  for (let offset = 0; offset + 16 <= PAGE_BYTES; offset += 16) {
    if (page.readUInt32LE(offset) !== offset || page.readUInt32LE(offset + 8) % 16 !== 2) continue;
    const size = Number(page.readBigUInt64LE(offset + 8));
    const bytes = size - 2 + offset;
    if (bytes % PAGE_BYTES === 0 && bytes >= PAGE_BYTES && address + bytes <= end) return { bytes, kind: CHUNK };
  }
  return undefined;
}

/** Abseil, which Node carries since 24, maps memory of its own for what its locks need. */
function abseilAt(page: Buffer, address: number, end: number): Place | undefined {
  const isBlock = (page.readBigUInt64LE(8) ^ BigInt(address)) === ABSEIL_MAGIC;
  return isBlock ? { bytes: end - address, kind: ABSEIL } : undefined;
}

/** Where brk(2) finds no room, the main heap goes on in mappings of its own (MMAP_AS_MORECORE_SIZE). */
function mainPartAt(read: Read, page: Buffer, address: number, end: number): Place | undefined {
  const isChunk = page.readBigUInt64LE(0) === 0n && page.readUInt32LE(8) % 16 === 1;
  if (!isChunk || chunksInARow(address, end, read) < 16) return undefined;
  const bytes = end - address;
  return { bytes, kind: HEAP, heap: { start: address, bytes, rssBytes: 0, first: address, arena: 0 } };
}
