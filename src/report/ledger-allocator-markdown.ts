import type { AllocatorUse } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';
import { MARKS } from './format.js';
import { ARENA_COLUMNS, rowsOf } from './ledger-arenas.js';

/** The allocators of a ledger as Markdown tables. */
export function allocatorTables(allocators: readonly AllocatorUse[]): string[] {
  return allocators.flatMap(({ name, arenas, figures }) => [
    '',
    `#### ${name}`,
    ...(arenas.length === 0
      ? []
      : [
          '',
          `| arena | threads | ${ARENA_COLUMNS.join(' | ')} |`,
          `| --- | ---: |${ARENA_COLUMNS.map(() => ' ---: |').join('')}`,
          ...rowsOf(arenas).map(
            (row) => `| ${row.name} | ${row.threads} | ${row.amounts.map((bytes) => formatBytes(bytes)).join(' | ')} |`,
          ),
        ]),
    ...(figures.length === 0
      ? []
      : [
          '',
          '| figure | bytes | how |',
          '| --- | ---: | --- |',
          ...figures.map(
            ({ title, bytes, certainty, source }) =>
              `| ${title} | ${MARKS[certainty]} ${formatBytes(bytes)} | ${source} |`,
          ),
        ]),
  ]);
}
