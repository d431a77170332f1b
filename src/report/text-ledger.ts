import { LEDGER_LINES, type LedgerLineName } from '../model/ledger.js';
import { formatBytes, formatDuration } from '../model/units.js';
import type { Summary } from '../schema/summary.js';
import type { LedgerMomentSummary } from '../schema/summary-ledger.js';
import { formatEstimate, MARKS, shorten } from './format.js';
import type { Paint } from './options.js';
import { percent, SHARE_WIDTH, WIDTH, wrap } from './text-layout.js';

const TITLE_WIDTH = 52;
const BYTES_WIDTH = WIDTH - TITLE_WIDTH - SHARE_WIDTH - 1;
/** Smaller lines are added up: `memprof ledger` has them. */
const WORTH_A_LINE = 0.01;
const PART_TITLES: Readonly<Record<string, string>> = {
  live: 'live',
  retained: 'retained: free, and kept by malloc',
  used: 'used by objects',
};

type Line = LedgerMomentSummary['lines'][number];

/** Where the resident memory of the largest process is: a line for each part, and what is left over. */
export function residentTable({ ledger, moment }: Summary, paint: Paint): string[] {
  const momentOf = (one: Summary['ledger'][number]): LedgerMomentSummary | undefined =>
    moment === 'peak' ? one.peak : one.end;
  const [largest] = [...ledger].sort((a, b) => (momentOf(b)?.rssBytes ?? 0) - (momentOf(a)?.rssBytes ?? 0));
  const shown = largest && momentOf(largest);
  if (largest === undefined || shown === undefined || shown.rssBytes === 0) return [];
  const share = (bytes: number): number => bytes / shown.rssBytes;
  const row = (title: string, line: Pick<Line, 'bytes' | 'certainty' | 'errorBytes'>, indent = ''): string =>
    `${indent}${shorten(title, TITLE_WIDTH - 1 - indent.length)}`.padEnd(TITLE_WIDTH) +
    `${amount(line, paint)}${percent(share(line.bytes))}`;

  const lines = shown.lines.filter(({ name }) => name !== 'residual').sort((a, b) => b.bytes - a.bytes);
  const large = lines.filter(({ bytes }) => share(bytes) >= WORTH_A_LINE);
  const small = lines.filter(({ bytes }) => share(bytes) < WORTH_A_LINE);
  const process = ledger.length > 1 ? ` of ${largest.name} [${largest.pid}], the largest of ${ledger.length}` : '';
  const { beforeEndNs } = shown;
  const atEnd =
    beforeEndNs === undefined ? 'at the end' : `${formatDuration(BigInt(Math.round(beforeEndNs)))} before the end`;
  const when = moment === 'peak' ? 'at its highest' : atEnd;
  return [
    paint.heading(
      `${shorten(`RSS ${when}${process}`, TITLE_WIDTH - 1).padEnd(TITLE_WIDTH)}${MARKS.measured} ${formatBytes(shown.rssBytes)}`,
    ),
    ...large.flatMap((line) => [
      row(LEDGER_LINES[line.name as LedgerLineName] ?? line.name, line),
      ...(line.parts ?? []).flatMap((part) =>
        part.name in PART_TITLES && share(part.bytes) >= WORTH_A_LINE
          ? [row(PART_TITLES[part.name] ?? part.name, part, '  ')]
          : [],
      ),
    ]),
    ...(small.length > 0
      ? [row(`${small.length} smaller line${small.length > 1 ? 's' : ''}: memprof ledger DIR`, sumOf(small))]
      : []),
    row('residual: not explained', { bytes: shown.residualBytes, certainty: 'unknown', errorBytes: 0 }),
    ...shown.failedChecks.flatMap(({ message }) =>
      wrap(message, 'cannot be trusted: ').map((line) => paint.warning(line)),
    ),
  ];
}

function sumOf(lines: readonly Line[]): Pick<Line, 'bytes' | 'certainty' | 'errorBytes'> {
  const sum = (pick: (line: Line) => number): number => lines.reduce((all, line) => all + pick(line), 0);
  const isMeasured = lines.every(({ certainty }) => certainty === 'measured');
  return {
    bytes: sum(({ bytes }) => bytes),
    certainty: isMeasured ? 'measured' : 'estimated',
    errorBytes: sum(({ errorBytes }) => errorBytes),
  };
}

function amount(
  { bytes, certainty, errorBytes }: Pick<Line, 'bytes' | 'certainty' | 'errorBytes'>,
  paint: Paint,
): string {
  const text =
    certainty === 'unknown'
      ? `${MARKS.unknown} ${formatBytes(bytes)}`
      : formatEstimate(
          { kind: certainty, value: bytes, low: Math.max(0, bytes - errorBytes), high: bytes + errorBytes },
          'bytes',
        );
  return paint[certainty](text) + ' '.repeat(Math.max(1, BYTES_WIDTH - text.length));
}
