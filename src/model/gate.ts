/**
 * The gate: runs of a command compared with those of a base, measure by measure. A measure is one number of one run, e.g. the bytes of
 * the pool `kv-cache` that are in use at the end. Bytes unless told.
 */

/** What a measure is of. 'total' has no name. */
export type MeasureScope = 'total' | 'heap' | 'pool' | 'arena' | 'stage';

/**
 * 'live': in use at the end. 'peak': most in use at once. 'allocated': ever allocated. 'allocations': their number. 'late': live after its
 * arena was released. 'rss': highest resident memory of all processes. 'growth': of memory in use with each request, where there is a trend.
 */
export const QUANTITIES = ['live', 'peak', 'allocated', 'allocations', 'late', 'rss', 'growth'] as const;
export type Quantity = (typeof QUANTITIES)[number];

export interface MeasureKey {
  readonly scope: MeasureScope;
  /** '' for the total. */
  readonly name: string;
  readonly quantity: Quantity;
}

/** One number of one run, and how far sampling alone may have moved it: a variance, 0 where it was counted. */
export interface Measured extends MeasureKey {
  readonly value: number;
  readonly variance: number;
}

/** Bytes in use at the end at one site, e.g. `Cache.fill cache.js`, without a line: lines move with every change. */
export interface SiteUse {
  readonly site: string;
  readonly arena: string;
  readonly liveBytes: number;
  readonly allocatedBytes: number;
}

/** All that the gate keeps of a run. */
export interface GateRun {
  readonly measures: readonly Measured[];
  /** The biggest. */
  readonly sites: readonly SiteUse[];
  /** Samples that its figures rest on. */
  readonly observations: number;
  /** Why its figures cannot be trusted; empty where they can. */
  readonly faults: readonly string[];
}

/** What makes figures comparable. */
export interface GateEnvironment {
  readonly memprof: string;
  /** '' for a program that is not Node. */
  readonly node: string;
  readonly arch: string;
  readonly libc: string;
  readonly cpus: number;
  readonly kernel: string;
  readonly sampleBytes: number;
  readonly v8IntervalBytes: number;
}

/** One measure in several runs. */
export interface Series extends MeasureKey {
  readonly values: readonly number[];
  /** Mean over the runs of the variance by sampling. */
  readonly variance: number;
}

/** Runs that others are compared with: what a baseline file holds. */
export interface Baseline {
  readonly command: readonly string[];
  readonly environment: GateEnvironment;
  readonly runs: number;
  readonly series: readonly Series[];
  /** Means over the runs. */
  readonly sites: readonly SiteUse[];
}

/** What counts as growth: more than both. */
export interface Tolerance {
  readonly bytes: number;
  /** Part of the base's median, e.g. 0.03. */
  readonly share: number;
}

/** The three things of which growth needs all. */
export interface Evidence {
  /** One-sided Mann-Whitney, exact; significant by Holm over all measures that moved. */
  readonly p: number;
  readonly isSignificant: boolean;
  /** The medians differ by more than the tolerance. */
  readonly isLarge: boolean;
  /** They differ by more than sampling may have done. */
  readonly isBeyondSampling: boolean;
}

export type ComparisonVerdict = 'grown' | 'shrunk' | 'same' | 'unclear';

/** One measure, compared. */
export interface Comparison extends MeasureKey {
  readonly base: readonly number[];
  readonly now: readonly number[];
  readonly baseMedian: number;
  readonly nowMedian: number;
  /** Of the medians, signed. */
  readonly difference: number;
  /** 99 % interval of the difference of the means. */
  readonly low: number;
  readonly high: number;
  readonly toleranceBytes: number;
  readonly evidence: Evidence;
  readonly verdict: ComparisonVerdict;
  /** It varies so much from run to run that the runs still allowed could not tell growth as small as the tolerance, and nothing hints at some. */
  readonly isHopeless: boolean;
}

/** A limit that the configuration sets. */
export interface Budget extends MeasureKey {
  readonly limit: number;
  /** As it was written, for messages. */
  readonly text: string;
}

export interface BudgetResult extends Budget {
  readonly median: number;
  readonly worst: number;
  readonly verdict: 'kept' | 'exceeded' | 'unclear' | 'absent';
}

export type GateVerdict = 'pass' | 'regression' | 'inconclusive';

/** What a gate decided, and on what. */
export interface GateReport {
  readonly verdict: GateVerdict;
  /** One sentence each: why it is no pass. */
  readonly reasons: readonly string[];
  readonly command: readonly string[];
  readonly base: { readonly kind: 'baseline' | 'command' | 'none'; readonly name: string; readonly runs: number };
  readonly runs: number;
  /** Differences in how the two were made; comparisons carry them. */
  readonly labels: readonly string[];
  /** The grown ones first, by how much. */
  readonly comparisons: readonly Comparison[];
  readonly budgets: readonly BudgetResult[];
  /** Sites that grew, the most first. */
  readonly sites: readonly { readonly site: string; readonly arena: string; readonly growthBytes: number }[];
  readonly durationMs: number;
}
