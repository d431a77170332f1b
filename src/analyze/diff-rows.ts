import { INUSE_SPACE, type Profile } from '../model/profile.js';
import type { Change, DiffRow, DiffTable } from '../schema/diff.js';
import type { Estimate, SummaryRow } from '../schema/summary.js';
import { changeOf } from './diff-change.js';
import type { SideEstimate } from './diff-interval.js';
import { alignedKeys, type ProfileKeys } from './diff-keys.js';
import type { CodeName } from './diff-names.js';
import { type Sums, sumByKey } from './diff-sums.js';
import { addGroups, type Group, type GroupBy } from './group.js';
import { row, siteFrames } from './row.js';
import { framesOfSite } from './site.js';

/** Two sets of runs that are compared, each at least one, and how code is named in all of them. */
export interface Sides {
  readonly base: readonly Profile[];
  readonly now: readonly Profile[];
  readonly codeName: CodeName;
}

/** Error bars take time: of all others only the sum is given. */
const MAX_ROWS = 1_000;
const COLUMNS = ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space'] as const;

/** Everything, as one row. */
export function totalRow({ base, now }: Sides): DiffRow {
  const all = (): ProfileKeys => ({ keyOf: () => 'total', siteOf: () => ({}) });
  const sums = sumByKey([...base, ...now], all);
  const [total] = rowsOf(sums, base.length, now.length, [0]);
  if (total !== undefined) return { ...total, name: 'total' };
  // Two profiles without a sample.
  const nothing: Estimate = { kind: 'measured', value: 0, low: 0, high: 0 };
  const change: Change = { base: nothing, now: nothing, difference: nothing, verdict: 'same' };
  return { name: 'total', alloc_objects: change, alloc_space: change, inuse_objects: change, inuse_space: change };
}

/** Rows by `by`: what has surely changed before what may have, by the size of the difference in bytes in use. */
export function diffTable({ base, now, codeName }: Sides, by: GroupBy, maxRows = MAX_ROWS): DiffTable {
  const sums = sumByKey([...base, ...now], alignedKeys(by, codeName));
  const difference = (key: number): number =>
    meanOf(now.length, (run) => sums.valueOf(base.length + run, key, INUSE_SPACE)) -
    meanOf(base.length, (run) => sums.valueOf(run, key, INUSE_SPACE));
  const differences = Float64Array.from(sums.keys, (_, key) => difference(key));
  const ordered = [...differences.keys()].sort((a, b) => Math.abs(differences[b] ?? 0) - Math.abs(differences[a] ?? 0));
  const rows = rowsOf(sums, base.length, now.length, ordered.slice(0, maxRows)).map((found, at) =>
    by === 'site' ? withSite(found, sums, ordered[at] ?? 0, codeName) : found,
  );
  const rest = ordered.slice(maxRows);
  const folded = {
    rows: rest.length,
    difference: Math.round(rest.reduce((sum, key) => sum + (differences[key] ?? 0), 0)),
  };
  return { rows: rows.sort(bySureness), ...(rest.length > 0 && { folded }) };
}

const meanOf = (count: number, of: (run: number) => number): number => {
  let sum = 0;
  for (let run = 0; run < count; run++) sum += of(run);
  return sum / count;
};

function withSite(found: DiffRow, sums: Sums, key: number, codeName: CodeName): DiffRow {
  const site = sums.siteOf(key);
  const name = framesOfSite(site).map(codeName).join(' > ') || '(no stack)';
  return { ...found, name, ...siteFrames(site) };
}

function rowsOf(sums: Sums, baseRuns: number, nowRuns: number, keys: readonly number[]): DiffRow[] {
  const side = (first: number, count: number, key: number): (Group | undefined)[] =>
    Array.from({ length: count }, (_, at) => sums.groupOf(first + at, key));
  return keys.flatMap((key) => {
    const base = side(0, baseRuns, key);
    const now = side(baseRuns, nowRuns, key);
    const known = now.find((group) => group !== undefined) ?? base.find((group) => group !== undefined);
    if (known === undefined) return [];
    const [a, b] = [
      pooled(base, (run) => sums.noneOf(run, known)),
      pooled(now, (run) => sums.noneOf(baseRuns + run, known)),
    ];
    return [{ name: sums.keys[key] ?? '', ...(known.heap !== undefined && { heap: known.heap }), ...changes(a, b) }];
  });
}

/** The runs of a side: their sum as a row, and each. */
interface Pooled {
  readonly sum: SummaryRow;
  readonly runs: readonly Group[];
}

function pooled(groups: readonly (Group | undefined)[], none: (run: number) => Group): Pooled {
  const runs = groups.map((group, run) => group ?? none(run));
  return { sum: row(addGroups(runs)), runs };
}

function changes(base: Pooled, now: Pooled): Record<(typeof COLUMNS)[number], Change> {
  const side = ({ sum, runs }: Pooled, column: 0 | 1 | 2 | 3): SideEstimate => ({
    estimate: mean(sum[COLUMNS[column]], runs.length),
    runs: runs.map(({ values }) => values[column]),
  });
  const change = (column: 0 | 1 | 2 | 3): Change => changeOf(side(base, column), side(now, column));
  return { alloc_objects: change(0), alloc_space: change(1), inuse_objects: change(2), inuse_space: change(3) };
}

/** Of a sum over runs. */
function mean({ kind, value, low, high }: Estimate, runs: number): Estimate {
  const share = (sum: number | null): number | null => (sum === null ? null : Math.round(sum / runs));
  return { kind, value: share(value), low: share(low), high: share(high) };
}

const isSure = ({ inuse_space: { verdict } }: DiffRow): number => (verdict === 'grown' || verdict === 'shrunk' ? 1 : 0);

function bySureness(a: DiffRow, b: DiffRow): number {
  const size = ({ inuse_space: { difference } }: DiffRow): number => Math.abs(difference.value ?? 0);
  return isSure(b) - isSure(a) || size(b) - size(a) || (a.name < b.name ? -1 : 1);
}
