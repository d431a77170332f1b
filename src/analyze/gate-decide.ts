import type { Budget, BudgetResult, Comparison, GateRun, GateVerdict, Series, Tolerance } from '../model/gate.js';
import { budgetResult } from './gate-budgets.js';
import { compareRuns } from './gate-compare.js';
import { seriesOf } from './gate-series.js';
import { leastP } from './rank-test.js';

/** Over all looks at the data and all measures. */
const ALPHA = 0.01;
/** From here on runs that clearly do not differ are enough. */
const LEAST_RUNS_TO_PASS = 4;
/** Fewer samples than this in a run say nothing. */
const LEAST_OBSERVATIONS = 30;

export interface GateInputs {
  readonly base?: { readonly series: ReadonlyMap<string, Series>; readonly runs: number };
  readonly runs: readonly GateRun[];
  readonly budgets: readonly Budget[];
  readonly tolerance: Tolerance;
  readonly plan: RunPlan;
}

/** The command is run `first` times, and up to `most` times where that does not decide. */
export interface RunPlan {
  readonly first: number;
  readonly most: number;
}

export interface Decision {
  /** 'more': the runs so far do not tell. */
  readonly verdict: GateVerdict | 'more';
  readonly reasons: readonly string[];
  readonly comparisons: readonly Comparison[];
  readonly budgets: readonly BudgetResult[];
}

/**
 * The numbers of runs at which growth is looked for, and what of the family's false-alarm probability each look may use: their sum bounds
 * that of all (Bonferroni); the first gets half, since a clear case shows there.
 */
export function looks({ first, most }: RunPlan): ReadonlyMap<number, number> {
  if (most <= first) return new Map([[first, ALPHA]]);
  const middle = Math.ceil((first + most) / 2);
  if (middle === first || middle === most) {
    return new Map([
      [first, ALPHA / 2],
      [most, ALPHA / 2],
    ]);
  }
  return new Map([
    [first, ALPHA / 2],
    [middle, ALPHA / 4],
    [most, ALPHA / 4],
  ]);
}

/**
 * What the runs so far say. At a look, measures that vary pass if they are not even half of the tolerance larger; before the first one all must be
 * clearly the same. To be called after each run; runs that cannot be trusted are never a pass.
 */
export function decide({ base, runs, budgets, tolerance, plan }: GateInputs): Decision {
  const now = seriesOf(runs);
  const faults = runs.flatMap((run, i) => faultsOf(run).map((fault) => `run ${i + 1}: ${fault}`));
  const isLast = runs.length >= plan.most;
  const alpha = looks(plan).get(runs.length);
  const comparisons =
    base === undefined
      ? []
      : compareRuns(
          base.series,
          now,
          { base: base.runs, now: runs.length },
          { tolerance, alpha: alpha ?? 0, mostRuns: plan.most },
        );
  const results = budgets.map((budget) => budgetResult(budget, now, runs.length));
  const found = { comparisons, budgets: results };

  if (faults.length > 0) return { ...found, verdict: 'inconclusive', reasons: faults };
  const exceeded = results.filter(({ verdict }) => verdict === 'exceeded');
  const grown = comparisons.filter(({ verdict }) => verdict === 'grown');
  const isLook = alpha !== undefined;
  if ((grown.length > 0 && isLook) || (exceeded.length > 0 && (isLook || base === undefined))) {
    return { ...found, verdict: 'regression', reasons: [] };
  }
  const undecided = results.filter(({ verdict }) => verdict === 'unclear');
  const unclear = comparisons.filter(({ verdict }) => verdict === 'unclear');
  const isFine = (one: Comparison): boolean => one.isHopeless || (isLook && one.difference <= one.toleranceBytes / 2);
  const isClear = undecided.length === 0 && unclear.every(isFine) && exceeded.length === 0;
  if (isClear && runs.length >= Math.min(LEAST_RUNS_TO_PASS, plan.first))
    return { ...found, verdict: 'pass', reasons: [] };
  if (!isLast) return { ...found, verdict: 'more', reasons: [] };
  const couldTell = base === undefined || leastP(base.runs, runs.length) <= (alpha ?? 0);
  // A measure that varies by more than the tolerance is often above it by chance: it is suspect only if its ranks are, too.
  const suspects = unclear.filter(
    ({ evidence: { p, isLarge, isBeyondSampling } }) => isLarge && isBeyondSampling && (p <= ALPHA || !couldTell),
  );
  const reasons = [
    ...undecided.map(({ text }) => `${runs.length} runs do not tell whether ${text} is kept`),
    ...suspects.map((one) => `${nameOf(one)} is larger than the tolerance, and ${runs.length} runs may be chance`),
  ];
  return { ...found, verdict: reasons.length > 0 ? 'inconclusive' : 'pass', reasons };
}

function faultsOf({ faults, observations }: GateRun): string[] {
  if (observations >= LEAST_OBSERVATIONS) return [...faults];
  return [...faults, `${observations} samples are too few to tell anything`];
}

/** `pool kv-cache, live`. */
export function nameOf({ scope, name, quantity }: Comparison | Budget): string {
  return `${scope}${name === '' ? '' : ` ${name}`}, ${quantity}`;
}
