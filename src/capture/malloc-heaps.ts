import { PIECE_KINDS, type PieceRow, REGION_FLAG, type RegionRow } from '../recording/ledger.js';
import { chunksInARow, type HeapRange } from './heap-walk.js';
import { type ProcessMemory, residentBytes } from './process-memory.js';
import type { MemoryMap } from './smaps.js';

/** The heaps of arenas are aligned to this, on 64-bit machines (HEAP_MAX_SIZE, malloc/arena.c). */
export const ARENA_HEAP_BYTES = 64 << 20;
const PAGE_BYTES = 4096;
const { read: R, write: W, execute: X, shared: S, dontFork } = REGION_FLAG;
const CHUNK = PIECE_KINDS.indexOf('chunk');
const HEAP = PIECE_KINDS.indexOf('heap');
const ABSEIL = PIECE_KINDS.indexOf('abseil');
/** `kMagicAllocated` of absl/base/internal/low_level_alloc.cc: with the block's address in the word after its size. */
const ABSEIL_MAGIC = 0x4c83_3e95n;
/** Where the first chunk may be: after `heap_info`, and in an arena's first heap after its `malloc_state`; versions differ. */
const FIRST_CHUNKS = [0x8d0, 0x8c0, 0x8b0, 0x8e0, 0x8a0, 0x8f0, 0x900, 0x890] as const;
const LATER_CHUNKS = [0x30, 0x20, 0x40] as const;

interface Place {
  readonly bytes: number;
  readonly kind: number;
  readonly heap?: HeapRange;
}

export interface MallocPlaces {
  /** Parts of regions: heaps of arenas, and chunks that malloc mapped on their own. */
  readonly pieces: readonly PieceRow[];
  readonly heaps: readonly { readonly range: HeapRange; readonly pages: Uint8Array }[];
}

/**
 * Finds what glibc's malloc holds: the main heap, 64 MiB-aligned heaps that begin with a `heap_info`, and mapped chunks by their headers.
 * Only resident pages are read. With another allocator there is next to nothing to find.
 */
export function findMalloc({ regions, paths }: MemoryMap, memory: ProcessMemory): MallocPlaces {
  const { read, resident } = memory;
  if (read === undefined || resident === undefined) return { pieces: [], heaps: [] };
  const pieces: PieceRow[] = [];
  const heaps: { range: HeapRange; pages: Uint8Array }[] = [];
  const main = mainHeap(regions, paths.indexOf('[heap]'));
  if (main !== undefined) heaps.push({ range: main, pages: resident(main.start, main.bytes, main.rssBytes) });

  let heapEndsAt = 0;
  for (const region of regions) {
    if (!isPlainMemory(region)) continue;
    const [start, bytes, , , rssBytes] = region;
    let pages: Uint8Array | undefined;
    const pagesOf = (): Uint8Array => {
      pages ??= resident(start, bytes, rssBytes);
      return pages;
    };
    const places = [heapAt, chunkAt, abseilAt, mainPartAt];
    let at = start;
    if (start < heapEndsAt) {
      // madvise(2) splits heaps: the rest of the one that began before.
      const own = Math.min(heapEndsAt - start, bytes);
      pieces.push([start, own, HEAP, residentBytes(pagesOf(), start, start, own)]);
      at += own;
    }
    while (at < start + bytes) {
      const piece = places.map((place) => place(at, start + bytes)).find((found) => found !== undefined);
      if (piece === undefined) {
        // What is no chunk may end where a heap begins.
        at = Math.ceil((at + 1) / ARENA_HEAP_BYTES) * ARENA_HEAP_BYTES;
        continue;
      }
      pieces.push([at, piece.bytes, piece.kind, residentBytes(pagesOf(), start, at, piece.bytes)]);
      if (piece.heap !== undefined) {
        const heap = piece.heap;
        const own = resident(heap.start, heap.bytes, Number.POSITIVE_INFINITY);
        heaps.push({
          range: { ...heap, rssBytes: residentBytes(own, heap.start, heap.start, heap.bytes) },
          pages: own,
        });
        heapEndsAt = heap.start + heap.bytes;
      }
      at += piece.bytes;
    }

    function isHere(address: number): boolean {
      return pagesOf()[Math.floor((address - start) / PAGE_BYTES)] === 1;
    }

    function heapAt(address: number, end: number): Place | undefined {
      if (address % ARENA_HEAP_BYTES !== 0 || !isHere(address)) return undefined;
      const info = Buffer.alloc(32);
      if (!read || read(address, info) < 32) return undefined;
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

    /** Where brk(2) finds no room, the main heap goes on in mappings of its own (MMAP_AS_MORECORE_SIZE). */
    function mainPartAt(address: number, end: number): Place | undefined {
      const words = Buffer.alloc(16);
      if (!read || !isHere(address) || read(address, words) < 16) return undefined;
      const isChunk = words.readBigUInt64LE(0) === 0n && words.readUInt32LE(8) % 16 === 1;
      if (!isChunk || chunksInARow(address, end, read) < 16) return undefined;
      const bytes = end - address;
      return { bytes, kind: HEAP, heap: { start: address, bytes, rssBytes: 0, first: address, arena: 0 } };
    }

    /** Abseil, which Node carries since 24, maps memory of its own for what its locks need. */
    function abseilAt(address: number, end: number): Place | undefined {
      const words = Buffer.alloc(16);
      if (!read || !isHere(address) || read(address, words) < 16) return undefined;
      const isBlock = (words.readBigUInt64LE(8) ^ BigInt(address)) === ABSEIL_MAGIC;
      return isBlock ? { bytes: end - address, kind: ABSEIL } : undefined;
    }

    /** A mapped chunk has M alone set, whole pages, and what was skipped for alignment in the word before its size. */
    function chunkAt(address: number, end: number): Place | undefined {
      if (!read || !isHere(address)) return undefined;
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
  }
  return { pieces, heaps };
}

/** Private, anonymous, readable and writable, and not V8's. */
export function isPlainMemory([, , flags, path, rssBytes]: RegionRow): boolean {
  return path === -1 && rssBytes > 0 && (flags & (R | W | X | S | dontFork)) === (R | W);
}

/** madvise(2) splits it into regions that follow each other. */
function mainHeap(regions: readonly RegionRow[], path: number): HeapRange | undefined {
  const parts = path === -1 ? [] : regions.filter((region) => region[3] === path);
  const [first] = parts;
  if (first === undefined) return undefined;
  const bytes = parts.reduce((sum, part) => sum + part[1], 0);
  const rssBytes = parts.reduce((sum, part) => sum + part[4], 0);
  return { start: first[0], bytes, rssBytes, first: first[0], arena: 0 };
}
