import type { AllocatorUse, Ledger, LedgerLine } from '../../model/ledger.js';
import { formatBytes } from '../../model/units.js';
import { MARKS } from '../format.js';
import { ARENA_COLUMNS, rowsOf } from '../ledger-arenas.js';
import type { TimedLedger } from '../options.js';
import type { LineKind, PageAllocator, PageLedger, PageLedgerLine } from './page-data.js';
import type { SecondsOf } from './timeline.js';

/** Parts that show; of a line with more, the small ones are one. */
const MAX_PARTS = 8;
const LEAST_SHARE = 0.002;

/** The readings of one process, in the order of time, with what their lines have in common. */
export function pageLedgers(
  ledgers: readonly TimedLedger[],
  secondsOf: SecondsOf,
): { readonly lineKinds: readonly LineKind[]; readonly ledgers: readonly PageLedger[] } {
  const kinds = kindTable();
  const pages = [...ledgers]
    .sort((a, b) => Number(a.timeNs - b.timeNs))
    .map(
      ({ timeNs, ledger }): PageLedger => ({
        seconds: secondsOf(timeNs),
        moment: ledger.moment,
        rssBytes: ledger.rssBytes,
        lines: ledger.lines
          .filter(({ bytes, name }) => bytes !== 0 || name === 'residual')
          .map((line) => pageLine(line, ledger, kinds.of)),
        splitErrorBytes: ledger.splitErrorBytes ?? null,
        skewBytes: ledger.skewBytes,
        apart: ledger.apart
          .filter(({ bytes }) => bytes > 0)
          .map(({ name, bytes, certainty }) => [name, `${MARKS[certainty]} ${formatBytes(bytes)}`]),
        allocators: ledger.allocators.map(pageAllocator),
        warnings: [
          ...ledger.checks.filter(({ isPassed }) => !isPassed).map(({ message }) => message),
          ...ledger.unseen,
        ],
      }),
    );
  return { lineKinds: kinds.all, ledgers: pages };
}

type KindOf = (kind: LineKind) => number;

function pageLine(line: LedgerLine, ledger: Ledger, kindOf: KindOf): PageLedgerLine {
  const { name, title, certainty, source, bytes, errorBytes, parts } = line;
  const sorted = parts.filter((part) => part.bytes !== 0).sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes));
  const big = sorted.filter((part, at) => at < MAX_PARTS && Math.abs(part.bytes) >= LEAST_SHARE * ledger.rssBytes);
  const small = sorted.slice(big.length);
  const shown = big.map((part) => pageLine(part, ledger, kindOf));
  const [only] = small;
  if (only !== undefined) {
    const sum = small.reduce((all, part) => all + part.bytes, 0);
    const error = small.reduce((all, part) => all + part.errorBytes, 0);
    const rest: LineKind = { name: 'other', title: `${small.length} smaller`, certainty, source: '' };
    shown.push(
      small.length === 1 ? pageLine(only, ledger, kindOf) : [kindOf(rest), Math.round(sum), Math.round(error), []],
    );
  }
  return [kindOf({ name, title, certainty, source }), Math.round(bytes), Math.round(errorBytes), shown];
}

function kindTable(): { readonly all: LineKind[]; readonly of: KindOf } {
  const all: LineKind[] = [];
  const known = new Map<string, number>();
  return {
    all,
    of(kind) {
      const key = [kind.name, kind.title, kind.certainty, kind.source].join('\0');
      let number = known.get(key);
      if (number === undefined) {
        number = all.length;
        known.set(key, number);
        all.push(kind);
      }
      return number;
    },
  };
}

function pageAllocator({ name, arenas, figures }: AllocatorUse): PageAllocator {
  return {
    name,
    figures: figures.map(({ title, bytes, certainty, source }) => [
      title,
      `${MARKS[certainty]} ${formatBytes(bytes)}`,
      source,
    ]),
    columns: ['arena', 'threads', ...ARENA_COLUMNS],
    rows: rowsOf(arenas).map((row) => [row.name, row.threads, ...row.amounts.map(formatBytes)]),
  };
}
