import type { AllocatorFigure, AllocatorStatement, AllocatorUse, LedgerInputs } from '../model/ledger.js';
import { formatDuration } from '../model/units.js';

/** A statement so near to the reading is as good as of the same moment. */
const SAME_MOMENT_NS = 100_000_000n;

interface Figure {
  readonly name: string;
  readonly title: string;
  /** The allocator's own name of it, and of what is taken away from it. */
  readonly of: string;
  readonly less?: string;
}

/** jemalloc(3), mimalloc.h, gperftools' malloc_extension.h. */
const FIGURES: Readonly<Record<string, readonly Figure[]>> = {
  jemalloc: [
    { name: 'live', title: 'live: handed out and not given back', of: 'stats.allocated' },
    { name: 'fragments', title: 'free, in pages that hold live blocks', of: 'stats.active', less: 'stats.allocated' },
    { name: 'purge', title: 'arena.N.purge, at most: dirty pages', of: 'stats.arenas.pdirty' },
    { name: 'muzzy', title: 'muzzy pages: the kernel may take them', of: 'stats.arenas.pmuzzy' },
    { name: 'metadata', title: 'its own records', of: 'stats.metadata' },
  ],
  mimalloc: [{ name: 'committed', title: 'made accessible, resident or not', of: 'committed' }],
  tcmalloc: [
    { name: 'live', title: 'live: handed out and not given back', of: 'generic.current_allocated_bytes' },
    { name: 'caches', title: 'caches of threads', of: 'tcmalloc.current_total_thread_cache_bytes' },
    { name: 'release', title: 'ReleaseFreeMemory(), at most', of: 'tcmalloc.pageheap_free_bytes' },
  ],
};

/** jemalloc, mimalloc or tcmalloc: what is resident of it, and what it says of itself. */
export function otherAllocatorOf({ parts, allocatorStatement }: LedgerInputs): AllocatorUse | undefined {
  const own = parts.filter((part) => part.line === 'allocator');
  const name = own[0]?.detail;
  if (name === undefined) return undefined;
  const resident: AllocatorFigure = {
    name: 'resident',
    title: 'resident',
    bytes: own.reduce((sum, part) => sum + part.bytes, 0),
    certainty: 'estimated',
    source: 'its mappings',
  };
  return { name, arenas: [], figures: [resident, ...(allocatorStatement ? statedFigures(allocatorStatement) : [])] };
}

function statedFigures({ name, ageNs, bytes }: AllocatorStatement): AllocatorFigure[] {
  return (FIGURES[name] ?? []).flatMap((figure) => {
    const of = bytes.get(figure.of);
    const less = figure.less === undefined ? 0 : bytes.get(figure.less);
    if (of === undefined || less === undefined) return [];
    return {
      name: figure.name,
      title: figure.title,
      bytes: Math.max(0, of - less),
      certainty: ageNs <= SAME_MOMENT_NS ? 'measured' : 'estimated',
      source: `${figure.of}${figure.less === undefined ? '' : ` less ${figure.less}`}, ${formatDuration(ageNs)} away`,
    };
  });
}

/** What it has handed out, where it said so at about that moment. */
export function statedLive({ allocatorStatement }: LedgerInputs): number | undefined {
  if (allocatorStatement === undefined || allocatorStatement.ageNs > SAME_MOMENT_NS) return undefined;
  return statedFigures(allocatorStatement).find((figure) => figure.name === 'live')?.bytes;
}
