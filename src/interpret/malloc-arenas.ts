import type { MallocArena } from '../model/ledger.js';
import type { ArenaRow, HeapWalk } from '../recording/ledger.js';

/** The arenas of glibc's heaps: the main one first, the others by address. */
export function arenasOf(heaps: readonly HeapWalk[], rows: readonly ArenaRow[] = []): MallocArena[] {
  const threads = new Map(rows);
  const addresses = [...new Set(heaps.map((heap) => heap.arena))].sort((a, b) => a - b);
  let others = 0;
  return addresses.map((address) => {
    const own = heaps.filter((heap) => heap.arena === address);
    const sum = (pick: (heap: HeapWalk) => number): number => own.reduce((total, heap) => total + pick(heap), 0);
    const attached = threads.get(address);
    return {
      name: address === 0 ? 'main' : `arena ${++others}`,
      ...(attached !== undefined && { threads: attached }),
      heaps: own.length,
      sizeBytes: sum((heap) => heap.bytes),
      liveBytes: sum((heap) => heap.liveBytes),
      cachedBytes: sum((heap) => heap.cachedBytes),
      freePageBytes: sum((heap) => heap.freePageBytes),
      fragmentBytes: sum((heap) => heap.freeBytes - heap.freePageBytes),
      topBytes: sum((heap) => heap.topBytes),
      topPageBytes: sum((heap) => heap.topPageBytes),
      unreachedBytes: sum((heap) => heap.unreachedBytes),
    };
  });
}
