import type { AllocatorUse, MallocArena } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';
import { MARKS } from './format.js';
import { ARENA_COLUMNS, rowsOf } from './ledger-arenas.js';
import type { Paint } from './options.js';
import { wrap } from './text-layout.js';

const NAME_WIDTH = 16;
const BYTES_WIDTH = 12;
const THREADS_WIDTH = 4;

/** The allocators of a ledger, for people. */
export function allocatorRows(
  allocators: readonly AllocatorUse[],
  figureRow: (name: string, text: string, bytes: number, width: number) => string,
  paint: Paint,
): string[] {
  return allocators.flatMap(({ name, arenas, figures }) => [
    '',
    paint.heading(arenas.length > 0 ? `${name}, ${countOf(arenas.length, 'arena')}` : name),
    ...tableOf(arenas, paint),
    ...figures.flatMap(({ title, bytes, certainty, source }) => {
      const text = `${MARKS[certainty]} ${formatBytes(bytes)}`;
      return [figureRow(title, paint[certainty](text), bytes, text.length), ...wrap(source, '  ', '  ')];
    }),
  ]);
}

function tableOf(arenas: readonly MallocArena[], paint: Paint): string[] {
  if (arenas.length === 0) return [];
  const heads = ARENA_COLUMNS.map((column) => column.padStart(BYTES_WIDTH)).join('');
  const head = `${'threads'.padStart(NAME_WIDTH + THREADS_WIDTH)}${heads}`;
  return [
    paint.dim(head),
    ...rowsOf(arenas).map(
      ({ name, threads, amounts }) =>
        `${name.padEnd(NAME_WIDTH)}${threads.padStart(THREADS_WIDTH)}${amounts
          .map((bytes) => formatBytes(bytes).padStart(BYTES_WIDTH))
          .join('')}`,
    ),
  ];
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
