import type { Comparison, ComparisonVerdict, Evidence, MeasureKey, Series, Tolerance } from '../model/gate.js';
import { holm, rankSumP } from './rank-test.js';
import { meanAndVariance, median, quantile99 } from './student.js';

/** Standard normal quantile of 0.995: sampling moves a figure further in 1 of 100 cases, up or down. */
const Z_99 = 2.5758293035489004;
/** Less memory fails no gate: the usual level will do. */
const SHRUNK_P = 0.05;
/** Ranks that are this unlikely hint at growth. */
const HINT_P = 0.02;
/** Resident memory has pages of allocators and of the kernel in it, which come and go by chance. */
const RSS_TOLERANCE: Tolerance = { bytes: 8 << 20, share: 0.05 };

/** A measure on both sides, with what either lacks as zeros. */
interface Pair {
  readonly key: MeasureKey;
  readonly base: Series;
  readonly now: Series;
}

export interface CompareOptions {
  readonly tolerance: Tolerance;
  /** Probability of a false alarm, at most, over all measures of this look at the data. */
  readonly alpha: number;
  /** Runs that there may be. */
  readonly mostRuns: number;
}

/**
 * Compares runs with a base, measure by measure. Growth needs three things (benchstat's median and Mann-Whitney are the model): the ranks
 * are significantly higher, the medians differ by more than the tolerance, and sampling alone would hardly do that.
 *
 * The p values are corrected over those measures only that could be called grown if their values were dealt out to the two sides in another
 * way. That choice does not look at which values are whose, so it costs the test nothing (Bourgon, Gentleman & Huber, PNAS 107, 2010).
 */
export function compareRuns(
  base: ReadonlyMap<string, Series>,
  now: ReadonlyMap<string, Series>,
  runs: { readonly base: number; readonly now: number },
  { tolerance, alpha, mostRuns }: CompareOptions,
): Comparison[] {
  const pairs = [...pairsOf(base, now, runs)].filter((pair) => isCompared(pair.key) && isKnown(pair));
  const moved = pairs.filter((pair) => isSpread(pair, toleranceOf(pair.key, tolerance)));
  const ps = moved.map((pair) => rankSumP(pair.base.values, pair.now.values));
  const significant = holm(ps, alpha);
  const tests = new Map(moved.map((pair, i) => [pair, { p: ps[i] ?? 1, isSignificant: significant[i] ?? false }]));
  return pairs.map((pair) => compare(pair, toleranceOf(pair.key, tolerance), mostRuns, tests.get(pair))).sort(byGrowth);
}

/** Allocations are counted in budgets only: bytes say the same of them with a smaller error. */
const IS_COMPARED: ReadonlySet<string> = new Set(['live', 'peak', 'allocated', 'late', 'rss']);

/** No program has no memory: 0 is a run that was too short for anybody to look. */
function isKnown({ key, base, now }: Pair): boolean {
  return key.quantity !== 'rss' || [...base.values, ...now.values].every((bytes) => bytes > 0);
}

/** V8's compiler works when it finds time: what it allocates along the way is chance. */
function isCompared({ name, quantity }: MeasureKey): boolean {
  return IS_COMPARED.has(quantity) && !(quantity === 'allocated' && /^v8(:|$)/.test(name));
}

const toleranceOf = ({ quantity }: MeasureKey, tolerance: Tolerance): Tolerance =>
  quantity === 'rss'
    ? {
        bytes: Math.max(RSS_TOLERANCE.bytes, tolerance.bytes),
        share: Math.max(RSS_TOLERANCE.share, tolerance.share),
      }
    : tolerance;

function* pairsOf(
  base: ReadonlyMap<string, Series>,
  now: ReadonlyMap<string, Series>,
  runs: { readonly base: number; readonly now: number },
): Generator<Pair> {
  for (const key of new Set([...base.keys(), ...now.keys()])) {
    const [ofBase, ofNow] = [base.get(key), now.get(key)];
    const known = ofBase ?? ofNow;
    if (known === undefined) continue;
    const { scope, name, quantity } = known;
    const none = (count: number): Series => ({
      scope,
      name,
      quantity,
      values: Array.from({ length: count }, () => 0),
      variance: 0,
    });
    yield { key: { scope, name, quantity }, base: ofBase ?? none(runs.base), now: ofNow ?? none(runs.now) };
  }
}

/** Whether there is a way to deal the values out to both sides by which this would be growth. */
function isSpread({ base, now }: Pair, { bytes, share }: Tolerance): boolean {
  const all = [...base.values, ...now.values].sort((a, b) => a - b);
  const low = median(all.slice(0, base.values.length));
  const high = median(all.slice(base.values.length));
  const sampling = samplingError(base, now);
  return high - low > Math.max(bytes, share * low, sampling);
}

/** Of the difference, in 99 of 100 cases. */
function samplingError(base: Series, now: Series): number {
  return Z_99 * Math.sqrt(base.variance / base.values.length + now.variance / now.values.length);
}

const UNMOVED = { p: 1, isSignificant: false };

function compare({ key, base, now }: Pair, tolerance: Tolerance, mostRuns: number, test = UNMOVED): Comparison {
  const baseMedian = median(base.values);
  const nowMedian = median(now.values);
  const difference = nowMedian - baseMedian;
  const toleranceBytes = Math.max(tolerance.bytes, tolerance.share * baseMedian);
  const { low, high } = differenceOfMeans(base, now);
  const sampling = samplingError(base, now);
  const evidence: Evidence = {
    ...test,
    isLarge: difference > toleranceBytes,
    isBeyondSampling: difference > sampling,
  };
  const atMost = halfWidth(spreadOf(base, base.values.length), spreadOf(now, mostRuns));
  const hasHint = evidence.isLarge && test.p <= HINT_P;
  const isShrunk =
    -difference > toleranceBytes && -difference > sampling && rankSumP(now.values, base.values) <= SHRUNK_P;
  return {
    ...key,
    base: base.values,
    now: now.values,
    baseMedian,
    nowMedian,
    difference,
    low,
    high,
    toleranceBytes,
    evidence,
    verdict: verdictOf(evidence, isShrunk, high < toleranceBytes),
    isHopeless: atMost > toleranceBytes && !hasHint,
  };
}

function verdictOf(evidence: Evidence, isShrunk: boolean, isBelowTolerance: boolean): ComparisonVerdict {
  if (evidence.isSignificant && evidence.isLarge && evidence.isBeyondSampling) return 'grown';
  if (isShrunk) return 'shrunk';
  return isBelowTolerance ? 'same' : 'unclear';
}

/** What is known of a mean. */
interface Spread {
  readonly mean: number;
  readonly varianceOfMean: number;
  readonly freedom: number;
}

function differenceOfMeans(base: Series, now: Series): { low: number; high: number } {
  const [a, b] = [spreadOf(base, base.values.length), spreadOf(now, now.values.length)];
  const half = halfWidth(a, b);
  return { low: b.mean - a.mean - half, high: b.mean - a.mean + half };
}

/** Of the 99 % interval by Welch's method (Biometrika 34, 1947). */
function halfWidth(a: Spread, b: Spread): number {
  const variance = a.varianceOfMean + b.varianceOfMean;
  if (variance === 0) return 0;
  const freedom = variance ** 2 / (a.varianceOfMean ** 2 / a.freedom + b.varianceOfMean ** 2 / b.freedom);
  return quantile99(freedom) * Math.sqrt(variance);
}

/** As if there were so many runs. Runs that agree by luck are not better known than sampling allows. */
function spreadOf({ values, variance }: Series, runs: number): Spread {
  const found = meanAndVariance(values);
  return {
    mean: found.mean,
    varianceOfMean: Math.max(found.variance, variance) / Math.max(1, runs),
    freedom: Math.max(1, runs - 1),
  };
}

const ORDER: readonly ComparisonVerdict[] = ['grown', 'unclear', 'shrunk', 'same'];

function byGrowth(a: Comparison, b: Comparison): number {
  return ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || Math.abs(b.difference) - Math.abs(a.difference);
}
