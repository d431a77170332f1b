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

/** Whose memory begins at the address of a resident page, told by what is written there; undefined: nobody's that is known. */
export function placeAt(read: Read, address: number, end: number): Place | undefined {
  return (
    heapAt(read, address, end) ??
    chunkAt(read, address, end) ??
    abseilAt(read, address, end) ??
    mainPartAt(read, address, end)
  );
}

/** A heap of an arena begins with a `heap_info`: its arena, the heap before, its size. */
function heapAt(read: Read, address: number, end: number): Place | undefined {
  if (address % ARENA_HEAP_BYTES !== 0) return undefined;
  const info = Buffer.alloc(32);
  if (read(address, info) < 32) return undefined;
  const arena = Number(info.readBigUInt64LE(0));
  const size = Number(info.readBigUInt64LE(16));
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
function chunkAt(read: Read, address: number, end: number): Place | undefined {
  const page = Buffer.alloc(PAGE_BYTES);
  if (read(address, page) < PAGE_BYTES) return undefined;
  for (let offset = 0; offset + 16 <= PAGE_BYTES; offset += 16) {
    if (page.readUInt32LE(offset) !== offset || page.readUInt32LE(offset + 8) % 16 !== 2) continue;
    const size = Number(page.readBigUInt64LE(offset + 8));
    const bytes = size - 2 + offset;
    if (bytes % PAGE_BYTES === 0 && bytes >= PAGE_BYTES && address + bytes <= end) return { bytes, kind: CHUNK };
  }
  return undefined;
}

/** Abseil, which Node carries since 24, maps memory of its own for what its locks need. */
function abseilAt(read: Read, address: number, end: number): Place | undefined {
  const words = Buffer.alloc(16);
  if (read(address, words) < 16) return undefined;
  const isBlock = (words.readBigUInt64LE(8) ^ BigInt(address)) === ABSEIL_MAGIC;
  return isBlock ? { bytes: end - address, kind: ABSEIL } : undefined;
}

/** Where brk(2) finds no room, the main heap goes on in mappings of its own (MMAP_AS_MORECORE_SIZE). */
function mainPartAt(read: Read, address: number, end: number): Place | undefined {
  const words = Buffer.alloc(16);
  if (read(address, words) < 16) return undefined;
  const isChunk = words.readBigUInt64LE(0) === 0n && words.readUInt32LE(8) % 16 === 1;
  if (!isChunk || chunksInARow(address, end, read) < 16) return undefined;
  const bytes = end - address;
  return { bytes, kind: HEAP, heap: { start: address, bytes, rssBytes: 0, first: address, arena: 0 } };
}
