import type { GateRun, Measured, MeasureScope } from '../model/gate.js';

/** Sampling errs by more in 1 of 100 cases. */
const Z_99 = 2.5758293035489004;
/** Room above what a run may have needed: runs differ, and a budget is no baseline. */
const HEADROOM = 1.25;
const LEAST_BYTES = 1 << 20;
const MAX_POOLS = 12;
/** The resident memory of a program that is over sooner is seen in some runs, and in others not. */
const LOOKED_AT_NS = 1_000_000_000n;

/** Budgets as `memprof.config.json` writes them. */
export interface ProposedBudgets {
  readonly total: Readonly<Record<string, string>>;
  readonly pools: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** First budgets from one run: the total, and the biggest pools of 1 MiB and more, each with a quarter of room, in whole MiB. */
export function proposeBudgets({ measures }: GateRun, durationNs: bigint): ProposedBudgets {
  const most = (scope: MeasureScope, name: string, quantity: Measured['quantity']): number => {
    const found = measures.find((one) => one.scope === scope && one.name === name && one.quantity === quantity);
    return found === undefined ? 0 : found.value + Z_99 * Math.sqrt(found.variance);
  };
  const pools = measures
    .filter(({ scope, quantity, value: bytes }) => scope === 'pool' && quantity === 'live' && bytes >= LEAST_BYTES)
    .sort((a, b) => b.value - a.value)
    .slice(0, MAX_POOLS);
  const rssBytes = durationNs < LOOKED_AT_NS ? 0 : most('total', '', 'rss');
  return {
    total: { peakBytes: limit(most('total', '', 'peak')), ...(rssBytes > 0 && { rssBytes: limit(rssBytes) }) },
    pools: Object.fromEntries(pools.map(({ name }) => [name, { liveBytes: limit(most('pool', name, 'live')) }])),
  };
}

function limit(bytes: number): string {
  return `<= ${Math.max(1, Math.ceil((HEADROOM * bytes) / (1 << 20)))}MiB`;
}
