import type { AllocatorFigure, AllocatorUse, LedgerInputs, MallocArena } from '../model/ledger.js';
import { otherAllocatorOf } from './ledger-other-allocator.js';

/** Settings of `MALLOC_ARENA_MAX` that are worth a figure. */
const ARENA_LIMITS = [1, 2, 4] as const;

/** What is known of the allocators of a process, and what they could give back at most. */
export function allocatorsOf(inputs: LedgerInputs): AllocatorUse[] {
  const { mallocArenas = [] } = inputs;
  const other = otherAllocatorOf(inputs);
  const glibc = {
    name: 'glibc malloc',
    arenas: mallocArenas,
    figures: [trimOf(mallocArenas), ...limitsOf(mallocArenas)],
  };
  return [...(mallocArenas.length === 0 ? [] : [glibc]), ...(other === undefined ? [] : [other])];
}

/** malloc_trim(3) goes through the free chunks of all arenas, and shortens the main heap; the ends of the others stay. */
function trimOf(arenas: readonly MallocArena[]): AllocatorFigure {
  const pages = arenas.reduce((sum, arena) => sum + arena.freePageBytes, 0);
  const end = arenas.find((arena) => arena.name === 'main')?.topPageBytes ?? 0;
  return {
    name: 'malloc_trim',
    title: 'malloc_trim(0), at most',
    bytes: pages + end,
    certainty: 'measured',
    source: 'free chunks: their whole pages, and the end of the main heap',
  };
}

/**
 * With fewer arenas the blocks of the others are in those that are left. At most all that fits into what the arenas keep free by now
 * goes there, and the others, the largest ones, are no more.
 */
function limitsOf(arenas: readonly MallocArena[]): AllocatorFigure[] {
  const kept = arenas.reduce((sum, arena) => sum + keptOf(arena), 0);
  const others = arenas
    .filter((arena) => arena.name !== 'main')
    .map((arena) => arena.liveBytes + keptOf(arena))
    .sort((a, b) => b - a);
  return ARENA_LIMITS.filter((limit) => limit < arenas.length).map((limit) => {
    const gone = others.slice(0, arenas.length - limit);
    return {
      name: `arena_max_${limit}`,
      title: `MALLOC_ARENA_MAX=${limit}, at most`,
      bytes: Math.min(
        kept,
        gone.reduce((sum, bytes) => sum + bytes, 0),
      ),
      certainty: 'measured',
      source: `the ${gone.length} largest of the other arenas, as far as their blocks fit into what all keep free`,
    };
  });
}

function keptOf(arena: MallocArena): number {
  return arena.freePageBytes + arena.fragmentBytes + arena.topBytes;
}
