import type { MallocArena } from '../model/ledger.js';

/** Columns of the table of arenas; all are resident bytes. */
export const ARENA_COLUMNS = ['live', 'free pages', 'fragments', 'ends', 'caches'] as const;
/** More arenas than these are added up; all are in `--format json`. */
const MAX_ARENAS = 8;

export interface ArenaTableRow {
  readonly name: string;
  readonly threads: string;
  readonly amounts: readonly number[];
}

/** The main arena and those that have the most; the others in one row. */
export function rowsOf(arenas: readonly MallocArena[]): ArenaTableRow[] {
  const weight = (arena: MallocArena): number => (arena.name === 'main' ? Number.POSITIVE_INFINITY : sumOf(arena));
  const sorted = [...arenas].sort((a, b) => weight(b) - weight(a));
  const shown = sorted.length <= MAX_ARENAS ? sorted : sorted.slice(0, MAX_ARENAS - 1);
  const rest = sorted.slice(shown.length);
  const rows = shown.map((arena) => ({
    name: arena.name,
    threads: arena.threads === undefined ? '?' : String(arena.threads),
    amounts: amountsOf(arena),
  }));
  if (rest.length === 0) return rows;
  const amounts = ARENA_COLUMNS.map((_, at) => rest.reduce((sum, arena) => sum + (amountsOf(arena)[at] ?? 0), 0));
  return [...rows, { name: `${rest.length} more`, threads: '', amounts }];
}

function amountsOf(arena: MallocArena): number[] {
  return [arena.liveBytes, arena.freePageBytes, arena.fragmentBytes, arena.topBytes, arena.cachedBytes];
}

function sumOf(arena: MallocArena): number {
  return amountsOf(arena).reduce((sum, bytes) => sum + bytes, 0);
}
