import type { Comparison, GateReport, MeasureKey } from '../model/gate.js';
import { formatBytes, formatCount } from '../model/units.js';
import { printable } from './format.js';

/** What a quantity is called where people read it. */
const QUANTITY_TEXT = {
  live: 'in use',
  peak: 'peak',
  allocated: 'allocated',
  allocations: 'allocations',
  late: 'in use after release',
  rss: 'peak RSS',
  growth: 'growth a request',
} as const;

/** `pool kv-cache: in use`. */
export function measureText({ scope, name, quantity }: MeasureKey): string {
  return `${scope}${name === '' ? '' : ` ${printable(name)}`}: ${QUANTITY_TEXT[quantity]}`;
}

export function amountText({ quantity }: MeasureKey, value: number): string {
  return quantity === 'allocations' ? formatCount(value) : formatBytes(value);
}

/** `+2.0 MiB (+5.0 %)`. */
export function changeText(comparison: Comparison): string {
  const { difference, baseMedian } = comparison;
  const sign = difference < 0 ? '' : '+';
  const share = baseMedian > 0 ? ` (${sign}${((100 * difference) / baseMedian).toFixed(1)} %)` : ' (new)';
  return `${sign}${amountText(comparison, difference)}${share}`;
}

/** Whose growth it is: of nested measures that grew, the innermost says most. */
export function headline(report: GateReport): string {
  const { verdict, reasons, comparisons, budgets } = report;
  const exceeded = budgets.filter((one) => one.verdict === 'exceeded');
  const [first] = mainGrowth(comparisons).shown;
  if (verdict === 'pass') {
    const kept =
      budgets.length === 0
        ? ''
        : `${budgets.length === 1 ? 'the budget is' : `all ${budgets.length} budgets are`} kept`;
    return [report.base.kind === 'none' ? '' : 'nothing grew', kept].filter((part) => part !== '').join(', ');
  }
  if (verdict === 'inconclusive') return reasons[0] ?? 'the runs do not tell';
  if (first !== undefined) return `${measureText(first)}: ${changeText(first)}`;
  const [budget] = exceeded;
  return budget === undefined ? 'regression' : `${budget.text}: ${amountText(budget, budget.median)}`;
}

const DEPTH = ['arena', 'pool', 'stage', 'heap', 'total'] as const;
const QUANTITY_ORDER = ['live', 'late', 'peak', 'allocated', 'allocations', 'growth', 'rss'] as const;

function byDepth(a: Comparison, b: Comparison): number {
  return (
    DEPTH.indexOf(a.scope) - DEPTH.indexOf(b.scope) ||
    QUANTITY_ORDER.indexOf(a.quantity) - QUANTITY_ORDER.indexOf(b.quantity) ||
    b.difference - a.difference
  );
}

/** Growth of a measure within this part of another's is taken for the same growth, seen from outside. */
const SAME_GROWTH = 0.25;

/**
 * What grew, without what follows from it: an arena that grows by 2 MiB takes its pool, its heap and the total with it. The innermost
 * measure stays, bytes in use before what was allocated.
 */
export function mainGrowth(comparisons: readonly Comparison[]): {
  readonly shown: readonly Comparison[];
  readonly following: readonly Comparison[];
} {
  const shown: Comparison[] = [];
  const following: Comparison[] = [];
  for (const one of comparisons.filter(({ verdict }) => verdict === 'grown').sort(byDepth)) {
    const isSame = shown.some(
      ({ difference }) => Math.abs(difference - one.difference) <= SAME_GROWTH * Math.max(difference, one.difference),
    );
    (isSame ? following : shown).push(one);
  }
  return { shown, following };
}

/** `6 runs against 10 of memprof-baseline.json`. */
export function baseText({ base, runs }: GateReport): string {
  const own = `${runs} run${runs === 1 ? '' : 's'}`;
  return base.kind === 'none' ? `${own}, budgets only` : `${own} against ${base.runs} of ${printable(base.name)}`;
}
