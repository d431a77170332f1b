import type { LedgerLineName, LedgerPart } from '../model/ledger.js';
import { type LedgerReading, PIECE_KINDS, REGION_FLAG, type RegionRow } from '../recording/ledger.js';
import { otherAllocator } from './other-allocator.js';
import type { AddressRange } from './snapshot-mappings.js';
import { createV8Places, V8_PAGES_BELOW } from './v8-places.js';

const { read: R, write: W, execute: X, shared, noHugePage, noReserve, dontDump } = REGION_FLAG;
const ARENA_HEAP_BYTES = 64 << 20;
/** glibc puts one page of it below a stack; others up to 64 KiB. */
const MAX_GUARD_BYTES = 64 << 10;
const MIN_STACK_BYTES = 16 << 10;
/** The memory of the native sampler's indexes (native/src/memory.c) and its halves. */
const SAMPLER_BYTES = 40 << 20;
const MODEL_FILE = /\.(gguf|ggml|onnx|safetensors|ort|tflite|pt|pth|bin|data|npy|mar)$/i;
const BINARY_FILE = /\.(so|node)(\.[\w.-]+)?$|\/(ld|bin)-?[^/]*$/;

/** ld.so allocates with mmap before malloc is there, and keeps its lists of libraries there. */
const LOADER_BYTES = 64 << 10;

/** Smaller mappings may be the loader's. */
const MIN_ALLOCATOR_BYTES = 64 << 10;
/**
 * Of what jemalloc, mimalloc and tcmalloc had mapped, up to 0.43 % was in smaller mappings, in 18 programs; nothing of others' was taken
 * for theirs (docs/reference/ledger.md).
 */
const ALLOCATOR_ERROR = 0.005;

/** Of 170 heaps that were told by their shape, and by malloc's records as well, none was wrong: that is fewer than 2 % with 95 % confidence. */
const SHAPE_ERROR = 0.02;

interface Owner {
  readonly line: LedgerLineName | 'unknown';
  readonly source: string;
  readonly errorBytes?: number;
  readonly detail?: string;
}

/**
 * Tells whose memory each mapping of a reading is, without the process's help: by path, by the flags that the kernel keeps, by
 * shape and by malloc's own records. The sum of the parts is the sum of Rss, but for what changed while it was read.
 */
export function partsOfReading(reading: LedgerReading, mapped: readonly AddressRange[]): LedgerPart[] {
  const { regions, paths } = reading;
  /** Equal ones are added up: a program may have 60,000 mappings of a few kinds. */
  const parts = new Map<string, LedgerPart>();
  const v8 = createV8Places(regions, paths[reading.executable]);
  const other = otherAllocator(reading);
  const canReadMemory = !reading.unseen.includes('memory') && !reading.unseen.includes('pagemap');
  const pieces = [...reading.pieces].sort((a, b) => a[0] - b[0]);
  let nextPiece = 0;

  const add = (bytes: number, { line, source, errorBytes = 0, detail }: Owner): void => {
    if (bytes === 0) return;
    const certainty = line === 'unknown' ? 'unknown' : errorBytes > 0 ? 'estimated' : 'measured';
    const key = `${line}\0${certainty}\0${source}\0${detail}`;
    const before = parts.get(key);
    parts.set(key, {
      line,
      bytes: bytes + (before?.bytes ?? 0),
      certainty,
      errorBytes: errorBytes + (before?.errorBytes ?? 0),
      source,
      ...(detail !== undefined && { detail }),
    });
  };

  const PIECE_OWNERS: Readonly<Record<(typeof PIECE_KINDS)[number], Owner>> = {
    chunk: { line: 'mallocMapped', source: 'chunk headers' },
    heap: { line: 'malloc', source: 'heap records', detail: 'arenas' },
    abseil: { line: 'mapped', source: 'block headers', detail: 'Abseil, in Node' },
  };

  regions.forEach((region, index) => {
    const [start, bytes, , path, rssBytes, anonymousBytes] = region;
    let rest = rssBytes;
    let restBytes = bytes;
    while ((pieces[nextPiece]?.[0] ?? Number.POSITIVE_INFINITY) < start + bytes) {
      const [, pieceBytes, kind, pieceRss] = pieces[nextPiece++] ?? [0, 0, 0, 0];
      restBytes -= pieceBytes;
      const owner = PIECE_KINDS[kind];
      // Pieces are counted after their region: what came meanwhile is not in its sum.
      const own = Math.min(pieceRss, rest);
      if (owner !== undefined) add(own, PIECE_OWNERS[owner]);
      rest -= own;
    }
    if (rest === 0) return;
    if (other?.isMalloc && paths[path] === '[heap]') {
      add(rest, { line: 'allocator', source: 'brk, and no chunks of glibc', detail: other.name });
    } else if (path !== -1) {
      const clean = Math.max(0, rest - anonymousBytes);
      const file = fileOwner(paths[path] ?? '', path === reading.executable, region);
      if (file.line !== 'binaries' && file.line !== 'models' && file.line !== 'files') add(rest, file);
      else {
        add(clean, file);
        add(rest - clean, { line: 'private', source: 'smaps', detail: paths[path] ?? '' });
      }
    } else add(rest, anonymousOwner(region, index, rest, restBytes));
  });
  return [...parts.values()];

  /** Of what is left of a region when malloc's pieces are taken out. */
  function anonymousOwner(region: RegionRow, index: number, rssBytes: number, bytes: number): Owner {
    const [start, , flags] = region;
    const before = regions[index - 1];
    const after = regions[index + 1];
    if (isSamplers(region)) return { line: 'profiler', source: 'flags and size', detail: 'indexes' };
    const owned = v8.ownerOf(index);
    if (owned !== undefined) return owned;
    if (isStack(region, before))
      return { line: 'stacks', source: flags & noHugePage ? 'guard and flags' : 'guard page' };
    if (other === undefined && isArenaShape(region, after)) {
      return { line: 'malloc', source: 'shape', errorBytes: rssBytes * SHAPE_ERROR, detail: 'arenas' };
    }
    if (before !== undefined && before[3] !== -1 && before[0] + before[1] === start && isElf(before)) {
      return { line: 'bss', source: 'follows the data of a binary' };
    }
    if ((flags & (R | W | X | shared)) !== (R | W)) return { line: 'unknown', source: 'no owner found' };
    const share = shareOf(mapped, region);
    if (share > 0.5) {
      const source = 'the sampler saw the mmap';
      return {
        line: 'mapped',
        source,
        errorBytes: share > 0.999 ? 0 : rssBytes * (1 - share),
        detail: 'by the program',
      };
    }
    if (other !== undefined && bytes >= MIN_ALLOCATOR_BYTES) {
      // Where malloc is glibc's, all of it may be what the program mapped itself.
      const errorBytes = rssBytes * (other.isMalloc ? ALLOCATOR_ERROR + share : 1);
      return { line: 'allocator', source: `lib${other.name} is loaded`, errorBytes, detail: other.name };
    }
    // A block's header is in its first page, which may be swapped out: reading it would bring it in.
    if ((!canReadMemory || region[6] > 0) && bytes >= 128 << 10) {
      return { line: 'mallocMapped', source: 'by elimination', errorBytes: rssBytes };
    }
    if (bytes <= LOADER_BYTES && [before, after].some((one) => one !== undefined && isBesideLibraries(one, region))) {
      return { line: 'loader', source: 'small, among the libraries', errorBytes: rssBytes };
    }
    return { line: 'unknown', source: 'no owner found' };
  }

  function isBesideLibraries(one: RegionRow, region: RegionRow): boolean {
    const touches = one[0] + one[1] === region[0] || region[0] + region[1] === one[0];
    return touches && (isElf(one) || paths[one[3]] === '[vvar]');
  }

  function isElf(region: RegionRow): boolean {
    const path = paths[region[3]] ?? '';
    return region[3] === reading.executable || BINARY_FILE.test(path);
  }
}

/** How much of a region lies in ranges, 0 to 1. */
function shareOf(ranges: readonly AddressRange[], [start, bytes]: RegionRow): number {
  let covered = 0;
  for (const range of ranges) {
    if (range.start >= start + bytes) break;
    covered += Math.max(0, Math.min(range.end, start + bytes) - Math.max(range.start, start));
  }
  return covered / bytes;
}

function fileOwner(path: string, isExecutable: boolean, region: RegionRow): Owner {
  if (path === '[heap]') return { line: 'malloc', source: 'smaps', detail: 'main' };
  if (path.startsWith('[stack')) return { line: 'stacks', source: 'smaps' };
  if (path.startsWith('[v')) return { line: 'kernel', source: 'smaps' };
  if (path.startsWith('anon_inode:')) {
    return { line: path.includes('io_uring') ? 'ioUring' : 'devices', source: 'smaps', detail: path };
  }
  if (/\/memprof-[^/]+\/(\d+\.\d+\.store|control)( \(deleted\))?$/.test(path)) {
    return { line: 'profiler', source: 'smaps', detail: 'store' };
  }
  if (path.endsWith('/libmemprof.so')) return { line: 'profiler', source: 'smaps', detail: 'library' };
  if (/^(\/dev\/shm\/|\/memfd:|\/SYSV|\/dev\/zero)/.test(path))
    return { line: 'shared', source: 'smaps', detail: path };
  if (path.startsWith('[anon_shmem')) return { line: 'shared', source: 'smaps', detail: path };
  if (path.startsWith('[anon:')) return { line: 'mapped', source: 'its name', detail: path };
  if (path.startsWith('/dev/')) return { line: 'devices', source: 'smaps', detail: path };
  const bare = path.replace(/ \(deleted\)$/, '');
  if (isExecutable || BINARY_FILE.test(bare) || (region[2] & X) !== 0) {
    return { line: 'binaries', source: 'smaps', detail: path };
  }
  return { line: MODEL_FILE.test(bare) ? 'models' : 'files', source: 'smaps', detail: path };
}

/** 40 MiB or a half, a quarter ... of it, in no core file, without swap space: nobody else maps such. */
function isSamplers([, bytes, flags]: RegionRow): boolean {
  const wanted = noReserve | dontDump;
  return (flags & wanted) === wanted && [1, 2, 4, 8, 16].some((part) => bytes === SAMPLER_BYTES / part);
}

function isStack([start, bytes, flags]: RegionRow, before: RegionRow | undefined): boolean {
  if ((flags & (R | W | X | shared)) !== (R | W) || bytes < MIN_STACK_BYTES || before === undefined) return false;
  const hasGuard =
    before[0] + before[1] === start &&
    before[3] === -1 &&
    (before[2] & (R | W | X)) === 0 &&
    before[1] <= MAX_GUARD_BYTES;
  return hasGuard && start > V8_PAGES_BELOW;
}

function isArenaShape([start, bytes, flags]: RegionRow, after: RegionRow | undefined): boolean {
  if (start % ARENA_HEAP_BYTES !== 0 || (flags & (R | W | X | shared)) !== (R | W)) return false;
  if (bytes === ARENA_HEAP_BYTES) return true;
  const isReserve = after !== undefined && after[0] === start + bytes && (after[2] & (R | W | X)) === 0;
  return isReserve && (after[0] + after[1]) % ARENA_HEAP_BYTES === 0;
}
