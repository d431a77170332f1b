import { formatBytes, formatCount } from '../model/units.js';
import type { Summary, SummaryArena, SummaryFoldedArenas, SummaryPool } from '../schema/summary.js';
import { keepEnd, shorten } from './format.js';
import type { Paint } from './options.js';
import { painted, underProcesses } from './text-layout.js';
import { faultyFirst, peakCell } from './text-pools.js';

/** A server makes an arena for each request: the biggest of each pool stand for the others. */
const MAX_ARENAS_OF_POOL = 5;
const NAME_WIDTH = 25;
const VALUE_WIDTH = 23;
const PEAK_WIDTH = 11;
const CHURN_WIDTH = 6;

/** The arenas of each pool with their lives, the others as one line. */
export function arenaTable(summary: Summary, paint: Paint): string[] {
  const { arenas, processes } = summary;
  if (arenas.rows.length === 0) return [];
  const head = `${'By arena'.padEnd(NAME_WIDTH)}${'in use'.padEnd(VALUE_WIDTH)}${'peak'.padStart(PEAK_WIDTH)}${'churn'.padStart(CHURN_WIDTH)}  after release`;
  const others = arenas.folded.find(({ pools }) => pools !== undefined);
  return [
    paint.heading(head),
    ...underProcesses(arenas.rows, processes, (rows) =>
      byPool(rows, faultyFirst(summary.pools.rows)).flatMap((ofPool) => poolLines(ofPool, summary, paint)),
    ),
    ...(others ? [paint.dim(foldedText(others, `more of ${formatCount(others.pools ?? 0)} more pools`))] : []),
  ];
}

/** @param rows the arenas of one pool, the biggest first. */
function poolLines(rows: readonly SummaryArena[], summary: Summary, paint: Paint): string[] {
  const { pool, pid } = rows[0] ?? { pool: '', pid: 0 };
  const folded = summary.arenas.folded.find((other) => other.pool === pool && other.pid === pid);
  const telling = rows.filter(isWorthALine).slice(0, MAX_ARENAS_OF_POOL);
  // One that is left over may as well have its name.
  const shown = folded === undefined && telling.length === rows.length - 1 ? rows : telling;
  const rest = addUp(
    rows.filter((row) => !shown.includes(row)),
    folded,
  );
  const more = shown.length > 0 ? 'more ' : '';
  const what = pool === '' ? `${more}arenas` : `${more}of ${shorten(pool, NAME_WIDTH)}`;
  return [
    ...shown.flatMap((row) => arenaLines(row, summary, paint)),
    ...(rest.arenas > 0 ? [paint.dim(`  ${foldedText(rest, what)}`)] : []),
  ];
}

/** What is empty, and was so in time, says nothing on its own. */
function isWorthALine({ inuse_space, life }: SummaryArena): boolean {
  if (inuse_space.value !== 0) return true;
  return life !== undefined && (secondsHeld(life) > 1 || life.doubleReleases > 0 || life.usesAfterRelease > 0);
}

/** Rows of one pool stand together already; pools come in the given order, what has none at the end. */
function byPool(rows: readonly SummaryArena[], order: readonly SummaryPool[]): SummaryArena[][] {
  const pools = new Map<string, SummaryArena[]>(order.map(({ pid, pool }) => [`${pid}\0${pool}`, []]));
  for (const row of rows) {
    const key = `${row.pid}\0${row.pool}`;
    const known = pools.get(key);
    if (known) known.push(row);
    else pools.set(key, [row]);
  }
  return [...pools.values()].filter((ofPool) => ofPool.length > 0);
}

function arenaLines(row: SummaryArena, summary: Summary, paint: Paint): string[] {
  const { life } = row;
  const first =
    // Its end tells an arena from the others.
    keepEnd(row.arena || `${row.pool} (no arena)`, NAME_WIDTH - 1).padEnd(NAME_WIDTH) +
    painted(row.inuse_space, 'bytes', paint, VALUE_WIDTH) +
    (life === undefined
      ? ''
      : `${peakCell(life.peakBytes, row.inuse_space, PEAK_WIDTH, paint)}${churn(life)}  ${afterRelease(life)}`);
  const history = life === undefined ? [] : historyOf(life, BigInt(summary.startedAtNs));
  return [first.trimEnd(), ...history.map((line) => paint.dim(`  ${line}`))];
}

type ArenaLife = NonNullable<SummaryArena['life']>;

function churn({ churnBytes, allocatedBytes }: ArenaLife): string {
  const allocated = allocatedBytes.value ?? 0;
  const text = allocated === 0 ? '' : `${Math.round((100 * (churnBytes.value ?? 0)) / allocated)} %`;
  return text.padStart(CHURN_WIDTH);
}

/** What became of the memory of a released arena. */
function afterRelease(life: ArenaLife): string {
  if (life.createdNs === null) return '';
  if (life.releasedNs === null) return 'not released';
  const left = life.liveAfterReleaseBytes.value ?? 0;
  if (left > 0) return `${formatBytes(left)} left`;
  const held = secondsHeld(life);
  if (held <= 1) return 'nothing';
  return held < 10_000 ? `held ${held.toFixed(1)} s` : `held ${(held / 3600).toFixed(0)} h`;
}

/** From release to the last byte freed; 0 where one of them has not been. */
function secondsHeld({ releasedNs, lastFreedNs }: ArenaLife): number {
  return releasedNs === null || lastFreedNs === null ? 0 : Number(BigInt(lastFreedNs) - BigInt(releasedNs)) / 1e9;
}

/** When things happened to an arena that the program made, since the start of the recording. */
function historyOf(life: ArenaLife, startedAtNs: bigint): string[] {
  if (life.createdNs === null) return [];
  const at = (what: string, ns: string | null): string[] =>
    ns === null ? [] : [`${what} +${seconds(Number(BigInt(ns) - startedAtNs))}`];
  const elsewhere = life.freedElsewhereBytes.value ?? 0;
  const times = [
    ...at('made', life.createdNs),
    ...at('last allocation', life.lastAllocationNs),
    ...at('released', life.releasedNs),
    ...at('empty', life.lastFreedNs),
  ];
  return [times.join(', '), ...(elsewhere > 0 ? [`${formatBytes(elsewhere)} freed in another arena`] : [])];
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(ns < 100e9 ? 2 : ns < 10_000e9 ? 1 : 0)} s`;

type Folded = Pick<SummaryFoldedArenas, 'arenas' | 'inuseBytes' | 'largestPeakBytes'>;

function addUp(rows: readonly SummaryArena[], folded: Folded | undefined): Folded {
  return {
    arenas: rows.length + (folded?.arenas ?? 0),
    inuseBytes: rows.reduce((sum, row) => sum + (row.inuse_space.value ?? 0), folded?.inuseBytes ?? 0),
    largestPeakBytes: rows.reduce(
      (largest, { life }) => Math.max(largest, life?.peakBytes.value ?? 0),
      folded?.largestPeakBytes ?? 0,
    ),
  };
}

function foldedText({ arenas, inuseBytes, largestPeakBytes }: Folded, what: string): string {
  const peak = largestPeakBytes > 0 ? `, largest peak ${formatBytes(largestPeakBytes)}` : '';
  return `${what.startsWith('more') ? 'and ' : ''}${formatCount(arenas)} ${what}: ${formatBytes(inuseBytes)} in use${peak}`;
}
