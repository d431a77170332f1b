import { PIECE_KINDS, type PieceRow, REGION_FLAG, type RegionRow } from '../recording/ledger.js';
import { chunksInARow, type HeapRange } from './heap-walk.js';
import { ARENA_HEAP_BYTES, createPlaceFinder, type Place } from './malloc-places.js';
import { PAGE_BYTES } from './page-size.js';
import { type ProcessMemory, residentBytes } from './process-memory.js';
import type { MemoryMap } from './smaps.js';

const { read: R, write: W, execute: X, shared: S, dontFork } = REGION_FLAG;
const HEAP = PIECE_KINDS.indexOf('heap');

type Known<K extends keyof ProcessMemory> = NonNullable<ProcessMemory[K]>;

interface FoundHeap {
  readonly range: HeapRange;
  /** One byte a page. */
  readonly pages: Uint8Array;
}

export interface MallocPlaces {
  /** Parts of regions: heaps of arenas, and chunks that malloc mapped on their own. */
  readonly pieces: readonly PieceRow[];
  readonly heaps: readonly FoundHeap[];
}

/**
 * Finds what glibc's malloc holds: the main heap, 64 MiB-aligned heaps that begin with a `heap_info`, and mapped chunks by their headers.
 * Only resident pages are read. With another allocator there is next to nothing to find.
 */
export function findMalloc({ regions, paths }: MemoryMap, memory: ProcessMemory): MallocPlaces {
  const { read, resident } = memory;
  if (read === undefined || resident === undefined) return { pieces: [], heaps: [] };
  const pieces: PieceRow[] = [];
  const heaps: FoundHeap[] = [];
  const search = createSearch(read, resident, pieces, heaps);
  const main = mainHeap(regions, paths.indexOf('[heap]'));
  if (main !== undefined) {
    const pages = resident(main.start, main.bytes, main.rssBytes);
    // tcmalloc has it, where it is what malloc is.
    if (pages[0] === 1 && chunksInARow(main.first, main.start + main.bytes, read) === 16) {
      heaps.push({ range: main, pages });
    }
  }
  for (const region of regions) if (isPlainMemory(region)) search(region);
  return { pieces, heaps };
}

/** Regions are searched by address, one after the other. */
function createSearch(
  read: Known<'read'>,
  resident: Known<'resident'>,
  pieces: PieceRow[],
  heaps: FoundHeap[],
): (region: RegionRow) => void {
  const placeAt = createPlaceFinder(read);
  let heapEndsAt = 0;

  return search;

  function search([start, bytes, , , rssBytes]: RegionRow): void {
    const pages = resident(start, bytes, rssBytes);
    const end = start + bytes;
    const add = (at: number, { bytes: own, kind }: Place): void => {
      pieces.push([at, own, kind, residentBytes(pages, start, at, own)]);
    };
    let at = start;
    if (start < heapEndsAt) {
      // madvise(2) splits heaps: the rest of the one that began before.
      const own = Math.min(heapEndsAt - start, bytes);
      add(at, { bytes: own, kind: HEAP });
      at += own;
    }
    while (at < end) {
      const place = pages[Math.floor((at - start) / PAGE_BYTES)] === 1 ? placeAt(at, end) : undefined;
      if (place === undefined) {
        // What is no chunk may end where a heap begins.
        at = Math.ceil((at + 1) / ARENA_HEAP_BYTES) * ARENA_HEAP_BYTES;
        continue;
      }
      add(at, place);
      if (place.heap !== undefined) addHeap(place.heap);
      at += place.bytes;
    }
  }

  /** Its pages may be in several regions. */
  function addHeap(heap: HeapRange): void {
    const pages = resident(heap.start, heap.bytes, Number.POSITIVE_INFINITY);
    const rssBytes = residentBytes(pages, heap.start, heap.start, heap.bytes);
    heaps.push({ range: { ...heap, rssBytes }, pages });
    heapEndsAt = heap.start + heap.bytes;
  }
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
