import type { LedgerReading } from '../recording/ledger.js';

const ALLOCATOR_FILE = /\/lib(jemalloc|mimalloc|tcmalloc)[^/]*\.so/;
/** Node and most programs have more than this in malloc: where glibc's heaps have less, they are not what malloc is. */
const IN_USE_BYTES = 1 << 20;

/** An allocator that may be there in place of glibc's. */
export interface OtherAllocator {
  readonly name: string;
  /** glibc's heaps are next to empty, so that it is what malloc is. Else the library is loaded, and nobody can tell for what. */
  readonly isMalloc: boolean;
}

/** The allocator library among the mapped files; undefined where there is none. */
export function otherAllocator({ paths, regions, heaps }: LedgerReading): OtherAllocator | undefined {
  const name = paths.map((path) => ALLOCATOR_FILE.exec(path)?.[1]).find((one) => one !== undefined);
  if (name === undefined) return undefined;
  const path = paths.indexOf('[heap]');
  const brk = path === -1 ? 0 : regions.reduce((sum, region) => sum + (region[3] === path ? region[4] : 0), 0);
  // tcmalloc has the end of the data segment (brk) as well, and its chunks make no sense as glibc's.
  const glibcs = heaps?.reduce((sum, heap) => sum + heap.liveBytes, 0) ?? (name === 'tcmalloc' ? 0 : brk);
  return { name, isMalloc: glibcs < IN_USE_BYTES };
}
