import { EXIT, MemprofError } from '../errors.js';
import type { BudgetResult, Series } from '../model/gate.js';
import { nearest } from '../schema/nearest.js';

/**
 * A budget for something that no run has would always be kept.
 * @throws MemprofError BUDGET_ABSENT (exit code 2): the file, the key and what there is instead.
 */
export function rejectAbsentBudgets(
  budgets: readonly BudgetResult[],
  series: ReadonlyMap<string, Series>,
  configPath = 'the configuration',
): void {
  const absent = budgets.find(({ verdict }) => verdict === 'absent');
  if (absent === undefined) return;
  const { scope, name, quantity, text } = absent;
  const key = `${configPath}: gate.budgets.${text}`;
  if (quantity === 'growth' && ![...series.values()].some((one) => one.quantity === 'growth')) {
    throw new MemprofError(`${key}: no run answered enough requests to tell`, {
      code: 'NO_REQUESTS',
      exitCode: EXIT.usage,
      hint: "20 are needed, of Node's http server or told with iteration() of the API.",
    });
  }
  const names = [...new Set([...series.values()].filter((one) => one.scope === scope).map((one) => one.name))];
  const meant = nearest(name, names);
  const hint =
    meant !== undefined
      ? `Did you mean "${meant}"?`
      : names.length === 0
        ? `No run had a named ${scope}.`
        : `There were: ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}.`;
  throw new MemprofError(`${key}: no run had the ${scope} "${name}"`, {
    code: 'BUDGET_ABSENT',
    exitCode: EXIT.usage,
    hint,
  });
}
