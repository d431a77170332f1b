import type { Certainty, LedgerLine, LedgerOwner, SampledOwner } from '../model/ledger.js';
import { interval } from './interval.js';

/** Pools, and arenas of each, that are listed; the rest is added up. */
const MAX_ROWS = 12;
const NO_POOL = 'no pool is known';

interface Share extends LedgerOwner {
  readonly errorBytes: number;
}

/**
 * Divides what is live in malloc's heaps by pool and arena. The samples give each one's share of a total that is exact: of a share
 * s = x / (x + rest) the variance is ((1 - s)^2 var(x) + s^2 var(rest)) / (x + rest)^2, the delta method for a ratio of independent sums.
 * Blocks of all owners are taken to be as resident as each other. Empty where no pool is known.
 */
export function liveByOwner(totalBytes: number, owners: readonly SampledOwner[]): LedgerLine[] {
  const sum = owners.reduce((all, { bytes }) => all + bytes, 0);
  const variance = owners.reduce((all, { bytesVariance }) => all + bytesVariance, 0);
  if (sum <= 0 || totalBytes <= 0) return [];
  const scale = totalBytes / sum;
  return linesOf(owners, totalBytes, 'samples, scaled to the total', 'estimated', (group) => {
    const bytes = group.reduce((all, one) => all + one.bytes, 0);
    const own = group.reduce((all, one) => all + one.bytesVariance, 0);
    const share = bytes / sum;
    const error = interval(bytes, (1 - share) ** 2 * own + share ** 2 * (variance - own));
    return { bytes: scale * bytes, errorBytes: scale * Math.max(error.high - bytes, bytes - error.low) };
  });
}

/** Divides the blocks that malloc mapped on their own: each is whose sample is in it. */
export function mappedByOwner(totalBytes: number, owners: readonly LedgerOwner[]): LedgerLine[] {
  const sum = owners.reduce((all, { bytes }) => all + bytes, 0);
  // Pages that came between the look at a block and the sum of its mapping are everybody's.
  const scale = sum > 0 ? totalBytes / sum : 0;
  return linesOf(owners, totalBytes, 'the sample in the block', 'measured', (group) => ({
    bytes: scale * group.reduce((all, one) => all + one.bytes, 0),
    errorBytes: 0,
  }));
}

type Measure<T> = (group: readonly T[]) => Pick<Share, 'bytes' | 'errorBytes'>;

function linesOf<T extends LedgerOwner>(
  owners: readonly T[],
  totalBytes: number,
  source: string,
  certainty: Certainty,
  measure: Measure<T>,
): LedgerLine[] {
  if (owners.every(({ pool, arena }) => pool === '' && arena === '')) return [];

  function lines(
    group: readonly T[],
    name: 'pool' | 'arena',
    bytes: number,
    partsOf: (own: readonly T[], bytes: number) => readonly LedgerLine[],
  ): LedgerLine[] {
    const rows = [...byKey(group, (one) => one[name])]
      .map(([title, own]) => ({ title, own, ...measure(own) }))
      .sort((a, b) => b.bytes - a.bytes || (a.title < b.title ? -1 : 1));
    const shown = rows.length > MAX_ROWS ? rows.slice(0, MAX_ROWS - 1) : rows;
    const folded = rows.slice(shown.length);
    if (folded.length > 0) {
      const own = folded.flatMap((row) => row.own);
      shown.push({ title: `${folded.length} more`, own, ...measure(own) });
    }
    const whole = rounded(
      shown.map((row) => row.bytes),
      bytes,
    );
    return shown.map(({ title, own, errorBytes }, i): LedgerLine => {
      const rowBytes = whole[i] ?? 0;
      return {
        name: title === '' ? 'unnamed' : name,
        title: title === '' ? (name === 'pool' ? NO_POOL : 'no arena') : title,
        bytes: rowBytes,
        certainty: title === '' && certainty === 'measured' ? 'unknown' : certainty,
        errorBytes,
        source,
        parts: partsOf(own, rowBytes),
      };
    });
  }

  return lines(owners, 'pool', totalBytes, (own, bytes) =>
    own.length < 2 ? [] : lines(own, 'arena', bytes, () => []),
  );
}

/** Whole numbers whose sum is `total`: what rounding leaves goes to the largest, which is the first. */
function rounded(values: readonly number[], total: number): number[] {
  const whole = values.map(Math.round);
  const rest = total - whole.reduce((sum, one) => sum + one, 0);
  return whole.map((one, i) => (i === 0 ? one + rest : one));
}

function byKey<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
