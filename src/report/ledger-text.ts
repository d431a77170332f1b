import type { Ledger, LedgerLine } from '../model/ledger.js';
import { formatBytes, formatDuration } from '../model/units.js';
import { formatEstimate, keepEnd, MARKS, shorten } from './format.js';
import { allocatorRows } from './ledger-allocator-text.js';
import { momentText, togetherText } from './ledger-words.js';
import { type Paint, PLAIN } from './options.js';
import { WIDTH, wrap } from './text-layout.js';

const TITLE_WIDTH = 52;
const BYTES_WIDTH = 20;

/** The ledgers of the processes, for people: 80 columns. */
export function writeLedgerText(ledgers: readonly Ledger[], paint: Paint = PLAIN): string {
  const texts = ledgers.map((ledger) => [...head(ledger, paint), '', ...body(ledger, paint)].join('\n'));
  const sum = ledgers.length > 1 ? [wrap(togetherText(ledgers), '').join('\n')] : [];
  return `${[...texts, ...sum, paint.dim(LEGEND)].join('\n\n')}\n`;
}

const LEGEND = `${MARKS.measured} measured   ${MARKS.estimated} estimated ± what it may be off   ${MARKS.unknown} unknown   lines and residual add up to RSS`;

function head(ledger: Ledger, paint: Paint): string[] {
  const took = formatDuration(BigInt(Math.round(ledger.durationNs)));
  return [
    paint.heading(shorten(`memprof ledger  ${ledger.name} [${ledger.pid}]`, WIDTH)),
    paint.dim(`${momentText(ledger)}, read in ${took}`),
    '',
    row('RSS', paint.measured(`${MARKS.measured} ${formatBytes(ledger.rssBytes)}`), '', visible(ledger.rssBytes)),
  ];
}

function visible(bytes: number): number {
  return formatBytes(bytes).length + 2;
}

function body(ledger: Ledger, paint: Paint): string[] {
  const share = (bytes: number): string => `${((100 * bytes) / Math.max(1, ledger.rssBytes)).toFixed(1)} %`;
  function partRows(line: LedgerLine, indent: string): string[] {
    return partsWorthALine(line, ledger.rssBytes).flatMap((part) => [
      amount(part, indent, share(part.bytes), paint),
      ...partRows(part, `${indent}  `),
    ]);
  }
  const lines = ledger.lines
    .filter((line) => line.name !== 'residual')
    .sort((a, b) => b.bytes - a.bytes)
    .flatMap((line) => [amount(line, '', share(line.bytes), paint), ...partRows(line, '  ')]);
  return [
    ...lines,
    '',
    ...errors(ledger),
    ...allocatorRows(ledger.allocators, (name, text, bytes, width) => row(name, text, share(bytes), width), paint),
    '',
    ...apart(ledger, paint),
    ...checks(ledger, paint),
    ...unseen(ledger),
  ];
}

/** Files, pools and the like below this share of RSS are for `--format json`. */
const WORTH_A_LINE = 0.01;

function partsWorthALine(line: LedgerLine, rssBytes: number): readonly LedgerLine[] {
  return line.parts.filter((part) => !NAMED.has(part.name) || part.bytes >= WORTH_A_LINE * rssBytes);
}

/** Of which there may be any number. */
const NAMED: ReadonlySet<LedgerLine['name']> = new Set(['other', 'pool', 'arena', 'unnamed']);

function amount(line: LedgerLine, indent: string, share: string, paint: Paint): string {
  const { bytes, certainty, errorBytes } = line;
  const kind = certainty === 'unknown' ? 'measured' : certainty;
  const low = Math.max(0, bytes - errorBytes);
  const text =
    certainty === 'unknown'
      ? `${MARKS.unknown} ${formatBytes(bytes)}`
      : formatEstimate({ kind, value: bytes, low, high: bytes + errorBytes }, 'bytes');
  return row(`${indent}${nameOf(line, indent)}`, paint[certainty](text), share, text.length);
}

/** Of a path its end says more. */
function nameOf({ title }: LedgerLine, indent: string): string {
  return (title.startsWith('/') ? keepEnd : shorten)(title, TITLE_WIDTH - indent.length - 1);
}

function row(name: string, bytes: string, share: string, width: number): string {
  return `${name.padEnd(TITLE_WIDTH)}${bytes}${' '.repeat(Math.max(1, BYTES_WIDTH - width))}${share.padStart(7)}`.trimEnd();
}

function errors(ledger: Ledger): string[] {
  const ofRss = (bytes: number): string => `${signed((100 * bytes) / Math.max(1, ledger.rssBytes), 2)} %`;
  const one = (name: string, bytes: number, source: string): string[] => {
    const text = signedBytes(bytes);
    return [row(name, text, ofRss(bytes), text.length), ...wrap(source, '  ', '  ')];
  };
  const residual = ledger.lines.at(-1);
  return [
    ...one('residual', ledger.residualBytes, residual?.source ?? ''),
    ...(ledger.splitErrorBytes === undefined
      ? [row('split error', `${MARKS.unknown} unknown`, '', 9), '  live and retained are not told apart']
      : one('split error', ledger.splitErrorBytes, ledger.splitErrorSource ?? '')),
    row('skew', signedBytes(ledger.skewBytes), ofRss(ledger.skewBytes), signedBytes(ledger.skewBytes).length),
  ];
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(digits)}`;
}

function signedBytes(bytes: number): string {
  return `${bytes < 0 ? '' : '+'}${formatBytes(bytes)}`;
}

function apart(ledger: Ledger, paint: Paint): string[] {
  const rows = ledger.apart.map(({ name, bytes, certainty }) => {
    const text = `${MARKS[certainty]} ${formatBytes(bytes)}`;
    return row(`  ${name}`, paint[certainty](text), '', text.length);
  });
  return [paint.heading('Not in RSS'), ...rows];
}

function checks(ledger: Ledger, paint: Paint): string[] {
  const failed = ledger.checks.filter((check) => !check.isPassed);
  if (failed.length === 0) return ['', `${ledger.checks.length} self-checks passed`];
  return [
    '',
    ...failed.flatMap((check) => wrap(check.message, 'cannot be trusted: ').map((line) => paint.warning(line))),
  ];
}

function unseen(ledger: Ledger): string[] {
  return ledger.unseen.flatMap((text) => wrap(text, 'not seen: '));
}
