import type { LedgerInputs, LedgerLine } from '../model/ledger.js';
import type { Profile } from '../model/profile.js';
import type { Summary } from '../schema/summary.js';
import type { LedgerMomentSummary } from '../schema/summary-ledger.js';
import { makeLedger } from './ledger.js';

/** Parts of a line that summary.json has: what a line is split by otherwise (files, names) is for `memprof ledger`. */
const PARTS: ReadonlySet<LedgerLine['name']> = new Set(['live', 'retained', 'undivided', 'used', 'rest']);

/** Where resident memory was, at the peak and at the end, of each process that was read. */
export function ledgersOf({ ledgers }: Profile): Pick<Summary, 'ledger'> {
  const pids = [...new Set(ledgers.map(({ pid }) => pid))];
  return {
    ledger: pids.flatMap((pid) => {
      const own = ledgers.filter((one) => one.pid === pid);
      const [first] = own;
      if (first === undefined) return [];
      const peak = own.find(({ moment }) => moment === 'peak');
      const end = own.findLast(({ moment }) => moment === 'end');
      return {
        pid,
        name: first.name,
        highWaterBytes: Math.max(...own.map(({ highWaterBytes }) => highWaterBytes)),
        ...(peak && { peak: momentOf(peak) }),
        ...(end && { end: momentOf(end) }),
      };
    }),
  };
}

function momentOf(inputs: LedgerInputs): LedgerMomentSummary {
  const ledger = makeLedger(inputs);
  const { rssBytes, pssBytes, residualBytes, splitErrorBytes, skewBytes } = ledger;
  return {
    timeNs: inputs.timeNs.toString(),
    ...(inputs.beforeEndNs !== undefined && { beforeEndNs: inputs.beforeEndNs }),
    rssBytes,
    pssBytes,
    lines: ledger.lines.map((line) => {
      const parts = line.parts.filter(({ name }) => PARTS.has(name));
      return { ...lineOf(line), ...(parts.length > 0 && { parts: parts.map(lineOf) }) };
    }),
    residualBytes,
    ...(splitErrorBytes !== undefined && { splitErrorBytes }),
    skewBytes,
    failedChecks: ledger.checks.filter(({ isPassed }) => !isPassed).map(({ name, message }) => ({ name, message })),
    unseen: [...ledger.unseen],
  };
}

function lineOf({
  name,
  bytes,
  certainty,
  errorBytes,
}: LedgerLine): Omit<LedgerMomentSummary['lines'][number], 'parts'> {
  return { name, bytes: Math.round(bytes), certainty, errorBytes: Math.round(errorBytes) };
}
