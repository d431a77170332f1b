import type { Change } from '../schema/diff.js';
import type { Estimate } from '../schema/summary.js';
import { differenceOf, type SideEstimate } from './diff-interval.js';

/** Both sides with their difference, and what it says. */
export function changeOf(base: SideEstimate, now: SideEstimate): Change {
  const difference = differenceOf(base, now);
  return { base: base.estimate, now: now.estimate, difference, verdict: verdictOf(difference) };
}

function verdictOf({ kind, value, low, high }: Estimate): Change['verdict'] {
  if (value === null || low === null || high === null) return 'unknown';
  if (low > 0) return 'grown';
  if (high < 0) return 'shrunk';
  return kind === 'measured' ? 'same' : 'unclear';
}

/** A figure of one run and how far it may be off, which is not by chance: a mean of several is not better known. */
export interface Reading {
  readonly value: number;
  readonly error: number;
  readonly isMeasured: boolean;
}

/**
 * Compares what was read once in each run. A difference between two runs is one of those two: that nothing is known of others makes it
 * unclear. (The sums of a profile are told by the many allocations in it, this is one number.)
 */
export function changeOfReadings(base: readonly Reading[], now: readonly Reading[]): Change {
  const change = changeOf(sideOf(base), sideOf(now));
  const isSingle = base.length === 1 && now.length === 1;
  const isClaim = change.verdict === 'grown' || change.verdict === 'shrunk';
  return isSingle && isClaim ? { ...change, verdict: 'unclear' } : change;
}

function sideOf(readings: readonly Reading[]): SideEstimate {
  const mean = (of: (reading: Reading) => number): number =>
    readings.reduce((sum, reading) => sum + of(reading), 0) / Math.max(1, readings.length);
  const [value, error] = [mean((reading) => reading.value), mean((reading) => reading.error)];
  const isMeasured = readings.every((reading) => reading.isMeasured);
  return {
    estimate: {
      kind: isMeasured ? 'measured' : 'estimated',
      value: Math.round(value),
      low: Math.round(value - error),
      high: Math.round(value + error),
    },
    runs: readings.map((reading) => reading.value),
  };
}
