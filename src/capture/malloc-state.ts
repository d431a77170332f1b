import type { ArenaRow } from '../recording/ledger.js';
import type { HeapRange } from './heap-walk.js';
import type { ProcessMemory } from './process-memory.js';
import type { MemoryMap } from './smaps.js';

/*
 * `struct malloc_state` of glibc 2.27 and later, on 64-bit machines (malloc/malloc.c). Sizes of blocks in a fast bin: 32, 48, ... 176.
 *
 *     0x000 | mutex, flags, have_fastchunks | 0x010 10 fast bins | 0x060 top | 0x070 bins ...
 *     0x870 | next arena, a ring            | 0x878 next free    | 0x880 attached threads | 0x888 system_mem, max_system_mem
 */
const FAST_BINS_AT = 0x10;
const FAST_BINS = 10;
const TOP_AT = 0x60;
const NEXT_AT = 0x870;
const THREADS_AT = 0x880;
const STATE_BYTES = 0x888;
/** Blocks in fast bins that are looked at: each is a read. */
const MAX_FAST_CHUNKS = 200_000;
const LIBC_FILE = /\/libc(\.so\.6|-2\.\d+\.so)$/;
/** Of libc's writable data; it has 8 to 24 KiB. */
const MAX_DATA_BYTES = 1 << 20;

export interface MallocState {
  readonly arenas: readonly ArenaRow[];
  /** Chunks in fast bins: free, though their headers say that they are in use. */
  readonly fastChunks: ReadonlySet<number>;
}

/**
 * Reads the records of glibc's arenas. What does not look like one, in a version with another layout, is left out: its fast bins
 * then count as live.
 */
export function readMallocState(
  map: MemoryMap,
  heaps: readonly HeapRange[],
  read: NonNullable<ProcessMemory['read']>,
): MallocState {
  const fastChunks = new Set<number>();
  const arenas: ArenaRow[] = [];
  const known = new Set(heaps.map((heap) => heap.arena).filter((arena) => arena !== 0));
  for (const [arena, address] of [...[...known].map((one) => [one, one] as const), [0, mainArena()] as const]) {
    const state = address === undefined ? undefined : readWords(address, STATE_BYTES);
    if (state === undefined || !isTopOf(arena, word(state, TOP_AT))) continue;
    arenas.push([arena, word(state, THREADS_AT)]);
    for (let bin = 0; bin < FAST_BINS; bin++) addFastChunks(word(state, FAST_BINS_AT + 8 * bin), 32 + 16 * bin);
  }
  return { arenas, fastChunks };

  /** The ring of arenas goes through it; alone, it points at itself. */
  function mainArena(): number | undefined {
    for (const arena of known) {
      const next = readWords(arena + NEXT_AT, 8);
      if (next !== undefined && !known.has(word(next, 0))) return word(next, 0);
    }
    if (known.size > 0) return undefined;
    for (const [start, bytes, flags, path] of map.regions) {
      // Private and writable: libc's initialised data.
      if (path === -1 || (flags & 0b1010) !== 0b10 || !LIBC_FILE.test(map.paths[path] ?? '')) continue;
      const data = readWords(start, Math.min(bytes, MAX_DATA_BYTES));
      for (let at = NEXT_AT; data !== undefined && at + 8 <= data.length; at += 8) {
        if (word(data, at) === start + at - NEXT_AT) return start + at - NEXT_AT;
      }
    }
    return undefined;
  }

  function isTopOf(arena: number, top: number): boolean {
    return heaps.some((heap) => heap.arena === arena && top >= heap.first && top < heap.start + heap.bytes);
  }

  /** A list ends with 0; since 2.32 its links are mangled with the address at which they are. */
  function addFastChunks(first: number, size: number): void {
    for (let chunk = first; chunk !== 0 && fastChunks.size < MAX_FAST_CHUNKS; ) {
      const words = isInHeap(chunk) && !fastChunks.has(chunk) ? readWords(chunk + 8, 16) : undefined;
      if (words === undefined || word(words, 0) - (word(words, 0) % 8) !== size) return;
      fastChunks.add(chunk);
      const link = words.readBigUInt64LE(8);
      const plain = Number(link ^ BigInt(Math.floor((chunk + 16) / 4096)));
      chunk = plain === 0 || isInHeap(plain) ? plain : Number(link);
    }
  }

  function isInHeap(address: number): boolean {
    return address % 16 === 0 && heaps.some((heap) => address >= heap.first && address < heap.start + heap.bytes);
  }

  function readWords(address: number, bytes: number): Buffer | undefined {
    if (!Number.isSafeInteger(address) || address <= 0) return undefined;
    const words = Buffer.alloc(bytes);
    return read(address, words) === bytes ? words : undefined;
  }
}

/** Addresses have 48 bits. */
function word(words: Buffer, at: number): number {
  return Number(words.readBigUInt64LE(at));
}
