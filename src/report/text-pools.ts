import { formatBytes, formatCount, formatDuration } from '../model/units.js';
import type { Estimate, Summary, SummaryPool } from '../schema/summary.js';
import { MARKS, shorten } from './format.js';
import type { Paint } from './options.js';
import { underProcesses, wrap } from './text-layout.js';

const NAME_WIDTH = 16;
const BYTES_WIDTH = 11;

/** Columns after the bytes, with their widths. A rule's pool has no hits and misses. */
const COUNTS = [
  ['arenas', 8, ({ arenas }) => arenas],
  ['held', 6, ({ holdingArenas }) => holdingArenas],
  ['most', 6, ({ peakArenas }) => peakArenas],
  ['hits', 8, ({ hits, misses }) => (hits + misses === 0 ? undefined : hits)],
  ['misses', 8, ({ hits, misses }) => (hits + misses === 0 ? undefined : misses)],
  ['sizes', 6, ({ sizes }) => sizes],
] as const satisfies readonly (readonly [string, number, (life: PoolLife) => number | undefined])[];

type PoolLife = NonNullable<SummaryPool['life']>;

/** One line for each pool, then what is wrong with it. Nothing where only their bytes are known. */
export function poolTable(
  { pools, processes }: Pick<Summary, 'pools' | 'processes'>,
  maxPools: number,
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
    ...(folded > 0 ? [`and ${formatCount(folded)} more pools: --format json`] : []),
    ...shown.flatMap((row) =>
      faults(row).flatMap((fault) => {
        const place = processes.length > 1 ? `[${row.pid}] ${row.pool}` : row.pool;
        return wrap(`${place}: ${fault}`, '! ').map((line) => paint.warning(line));
      }),
    ),
  ];
}

/** Those with something wrong, then the others, each in their order. */
export function faultyFirst(rows: readonly SummaryPool[]): SummaryPool[] {
  return [...rows.filter((row) => faults(row).length > 0), ...rows.filter((row) => faults(row).length === 0)];
}

function poolLine({ pool, inuse_space, life }: SummaryPool, paint: Paint): string {
  return (
    shorten(pool, NAME_WIDTH - 1).padEnd(NAME_WIDTH) +
    bytesCell(inuse_space, BYTES_WIDTH, paint) +
    (life === undefined
      ? ''
      : peakCell(life.peakBytes, inuse_space, BYTES_WIDTH, paint) +
        COUNTS.map(([, width, of]) => countCell(of(life), width)).join('')
    ).trimEnd()
  ).trimEnd();
}

function countCell(count: number | undefined, width: number): string {
  const text = count === undefined ? '' : formatCount(count);
  return (text.length < width ? text : (count?.toExponential(0) ?? '')).padStart(width);
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

/** Sentences about one pool. */
function faults({ life }: SummaryPool): string[] {
  if (life === undefined) return [];
  const found: string[] = [];
  const { budgetBytes, peakBytes, liveAfterReleaseBytes, lateArenas, releasedArenas, doubleReleases } = life;
  const peak = peakBytes.value ?? 0;
  if (budgetBytes > 0 && peak > budgetBytes) {
    found.push(`peak ${formatBytes(peak - budgetBytes)} over its budget of ${formatBytes(budgetBytes)}`);
  }
  if (lateArenas > 0) {
    const longest = formatDuration(BigInt(life.longestHeldNs));
    const of = `${formatCount(lateArenas)} of ${formatCount(releasedArenas)} released arenas`;
    found.push(`${of} held memory on, up to ${longest}`);
  }
  const left = liveAfterReleaseBytes.value ?? 0;
  if (left > 0) found.push(`${formatBytes(left)} of released arenas are still in use`);
  if (doubleReleases > 0) found.push(`released again after its release: ${times(doubleReleases)}`);
  if (life.usesAfterRelease > 0) found.push(`used after its release: ${times(life.usesAfterRelease)}`);
  if (life.folded > 0) found.push(`too many arenas to tell all apart: ${formatCount(life.folded)} have no name`);
  return found;
}

const times = (count: number): string => (count === 1 ? 'once' : `${formatCount(count)} times`);
