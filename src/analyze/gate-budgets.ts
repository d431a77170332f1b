import type { Budget, BudgetResult, Series } from '../model/gate.js';
import { measureKey } from './gate-series.js';
import { meanAndVariance, median, quantile99 } from './student.js';

/**
 * Whether runs keep a limit: exceeded or kept if the 99 % interval of the mean is on one side of it, else unclear. The interval is that of
 * the runs, and no narrower than sampling allows.
 */
export function budgetResult(budget: Budget, series: ReadonlyMap<string, Series>, runs: number): BudgetResult {
  const own = series.get(measureKey(budget)) ?? series.get(measureKey(asPool(budget)));
  if (own === undefined) {
    // What holds nothing in any run is either fine or misspelled: an arena that has any measure is there.
    const isCounted = budget.quantity !== 'growth' || series.has(measureKey({ ...budget, scope: 'total', name: '' }));
    const isThere = [...series.values()].some(
      ({ scope, name }) => name === budget.name && (scope === budget.scope || scope === asPool(budget).scope),
    );
    return { ...budget, median: 0, worst: 0, verdict: isThere && isCounted ? 'kept' : 'absent' };
  }
  // A run too short for anybody to look at its resident memory does not keep a limit on it.
  if (budget.quantity === 'rss' && own.values.includes(0))
    return { ...budget, median: 0, worst: 0, verdict: 'unclear' };
  const { mean, variance } = meanAndVariance(own.values);
  const ofMean = Math.max(variance, own.variance) / Math.max(1, runs);
  const half = ofMean === 0 ? 0 : quantile99(runs - 1) * Math.sqrt(ofMean);
  const verdict = mean - half > budget.limit ? 'exceeded' : mean + half <= budget.limit ? 'kept' : 'unclear';
  return { ...budget, median: median(own.values), worst: Math.max(...own.values), verdict };
}

/** `kv-cache` among arenas, of which there are `kv-cache#1` and so on only, is all of them. */
function asPool(budget: Budget): Budget {
  return budget.scope === 'arena' ? { ...budget, scope: 'pool' } : budget;
}
