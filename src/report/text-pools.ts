import { formatBytes, formatCount } from '../model/units.js';
import type { Estimate, Summary, SummaryPool } from '../schema/summary.js';
import { MARKS, shorten } from './format.js';
import type { Paint } from './options.js';
import { sentencesOf } from './pool-faults.js';
import { underProcesses, wrap } from './text-layout.js';

const NAME_WIDTH = 16;
const BYTES_WIDTH = 11;

/** Columns after the bytes, with their widths. A rule's pool has no hits and misses. `isSeen`: arenas of which a sample was live. */
const COUNTS = [
  ['arenas', 8, ({ arenas }) => arenas],
  ['held', 6, ({ holdingArenas }) => holdingArenas, true],
  ['most', 6, ({ peakArenas }) => peakArenas, true],
  ['hits', 8, ({ hits, misses }) => (hits + misses === 0 ? undefined : hits)],
  ['misses', 8, ({ hits, misses }) => (hits + misses === 0 ? undefined : misses)],
  ['sizes', 6, ({ sizes }) => sizes],
] as const satisfies readonly (readonly [
  name: string,
  width: number,
  of: (life: PoolLife) => number | undefined,
  isSeen?: true,
])[];

type PoolLife = NonNullable<SummaryPool['life']>;

export interface PoolTableOptions {
  readonly maxPools: number;
  /** Where the others are. */
  readonly hint: string;
}

/** One line for each pool, then what is wrong with it. Nothing where only their bytes are known. */
export function poolTable(
  { pools, processes }: Pick<Summary, 'pools' | 'processes'>,
  { maxPools, hint }: PoolTableOptions,
  paint: Paint,
): string[] {
  if (pools.rows.every(({ life }) => life === undefined)) return [];
  const shown = faultyFirst(pools.rows).slice(0, maxPools);
  const folded = pools.folded + pools.rows.length - shown.length;
  const head =
    'Pools'.padEnd(NAME_WIDTH) +
    'in use'.padStart(BYTES_WIDTH) +
    'peak'.padStart(BYTES_WIDTH) +
    COUNTS.map(([name, width]) => name.padStart(width)).join('');
  return [
    paint.heading(head),
    ...underProcesses(shown, processes, (rows) => rows.map((row) => poolLine(row, paint))),
    ...(folded > 0 ? [`and ${formatCount(folded)} more pools: ${hint}`] : []),
    ...shown.flatMap((row) =>
      sentencesOf(row).flatMap(({ text, isFault }) => {
        const place = processes.length > 1 ? `[${row.pid}] ${row.pool}` : row.pool;
        const lines = wrap(`${place}: ${text}`, isFault ? '! ' : '- ');
        return lines.map((line) => (isFault ? paint.warning(line) : paint.dim(line)));
      }),
    ),
  ];
}

/** Those with something wrong, then the others, each in their order. */
export function faultyFirst(rows: readonly SummaryPool[]): SummaryPool[] {
  const isFaulty = (row: SummaryPool): boolean => sentencesOf(row).some(({ isFault }) => isFault);
  return [...rows.filter(isFaulty), ...rows.filter((row) => !isFaulty(row))];
}

function poolLine({ pool, inuse_space, life }: SummaryPool, paint: Paint): string {
  return (
    shorten(pool, NAME_WIDTH - 1).padEnd(NAME_WIDTH) +
    bytesCell(inuse_space, BYTES_WIDTH, paint) +
    (life === undefined
      ? ''
      : peakCell(life.peakBytes, inuse_space, BYTES_WIDTH, paint) +
        COUNTS.map(([, width, of, isSeen]) => countCell(of(life), width, isSeen && life)).join('')
    ).trimEnd()
  ).trimEnd();
}

/** @param life of a pool whose arenas are counted by their samples: where memory is sampled, others may hold some that nobody saw. */
function countCell(count: number | undefined, width: number, life?: PoolLife): string {
  if (count === undefined) return ' '.repeat(width);
  const mark = life?.peakBytes.kind === 'estimated' && count > 0 && count < life.arenas ? '≥' : '';
  const text = mark + formatCount(count);
  return (text.length < width ? text : mark + roundedCount(count)).padStart(width);
}

/** A number of bytes with its mark, without its error bar: --by arena and summary.json have those. */
export function bytesCell(estimate: Estimate, width: number, paint: Paint): string {
  const text = `${MARKS[estimate.kind]} ${estimate.value === null ? 'unknown' : formatBytes(estimate.value)}`;
  return ' '.repeat(Math.max(0, width - text.length)) + paint[estimate.kind](text);
}

/** Nobody saw the peak of V8's objects: with them, it is what is in use now at least. */
export function peakCell(peak: Estimate, inUse: Estimate, width: number, paint: Paint): string {
  const now = inUse.value ?? 0;
  if (now <= (peak.value ?? 0)) return bytesCell(peak, width, paint);
  const text = `≥ ${formatBytes(now)}`;
  return ' '.repeat(Math.max(0, width - text.length)) + paint.unknown(text);
}

/** What does not fit: `1.3M`, `20G`. */
function roundedCount(count: number): string {
  const [unit, size] = count < 1e6 ? ['k', 1e3] : count < 1e9 ? ['M', 1e6] : ['G', 1e9];
  return `${(count / size).toFixed(count < 10 * size ? 1 : 0)}${unit}`;
}
