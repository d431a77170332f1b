import type { Estimate } from '../schema/summary.js';
import type { Interval } from './interval.js';
import { meanAndVariance, studentQuantile } from './student.js';

/** One side of a comparison: the mean of its runs with the interval that sampling gives it, and what each run had. */
export interface SideEstimate {
  readonly estimate: Estimate;
  readonly runs: readonly number[];
}

/**
 * The difference of two independent estimates with its 95 % interval. Each side's interval is that of its sampling, lopsided and never below
 * zero; theirs is put together by the squares of the distances that count (MOVER: Zou & Donner, Statistics in Medicine 27, 2008), which
 * for normal estimates is the usual interval of a difference. Where a side has several runs, they also differ among each other: the interval
 * is at least Welch's (Biometrika 34, 1947), and a single run is taken to vary as those of the other side do.
 */
export function differenceOf(base: SideEstimate, now: SideEstimate): Estimate {
  const [a, b] = [base.estimate, now.estimate];
  if (a.value === null || b.value === null) return { kind: 'unknown', value: null, low: null, high: null };
  const value = b.value - a.value;
  const [below, above] = [
    Math.hypot(b.value - (b.low ?? b.value), (a.high ?? a.value) - a.value),
    Math.hypot((b.high ?? b.value) - b.value, a.value - (a.low ?? a.value)),
  ];
  const ofRuns = spreadOfRuns(base.runs, now.runs);
  const interval: Interval = { low: value - Math.max(below, ofRuns), high: value + Math.max(above, ofRuns) };
  const isMeasured = a.kind === 'measured' && b.kind === 'measured' && ofRuns === 0;
  return {
    kind: isMeasured ? 'measured' : 'estimated',
    value,
    low: Math.round(interval.low),
    high: Math.round(interval.high),
  };
}

/** Half the width of the interval that the runs alone give; 0 where no side has two. */
function spreadOfRuns(base: readonly number[], now: readonly number[]): number {
  const sides = [base, now].map((values) => ({ count: values.length, ...meanAndVariance(values) }));
  const repeated = sides.filter(({ count }) => count > 1);
  const [only] = repeated;
  if (only === undefined) return 0;
  if (repeated.length === 1) {
    const variance = only.variance / only.count + only.variance;
    return quantile95(only.count - 1) * Math.sqrt(variance);
  }
  const parts = repeated.map(({ count, variance }) => ({ part: variance / count, freedom: count - 1 }));
  const variance = parts.reduce((sum, { part }) => sum + part, 0);
  if (variance === 0) return 0;
  const freedom = variance ** 2 / parts.reduce((sum, { part, freedom }) => sum + part ** 2 / freedom, 0);
  return quantile95(freedom) * Math.sqrt(variance);
}

const known = new Map<number, number>();

/** `studentQuantile(0.975, freedom)`, with `freedom` rounded down to a tenth: hardly wider, and worked out once. */
function quantile95(freedom: number): number {
  const rounded = Math.max(1, Math.floor(10 * freedom) / 10);
  const t = known.get(rounded) ?? studentQuantile(0.975, rounded);
  known.set(rounded, t);
  return t;
}
