import type { Comparison, GateReport } from '../model/gate.js';
import { formatBytes, formatDuration } from '../model/units.js';
import { keepEnd, shorten } from './format.js';
import { amountText, baseText, changeText, headline, mainGrowth, measureText } from './gate-names.js';
import { type Paint, PLAIN } from './options.js';
import { WIDTH, wrap } from './text-layout.js';

const NAME = 42;
const AMOUNT = 11;
const MAX_ROWS = 12;

/** The decision for people: 80 columns. */
export function writeGateText(report: GateReport, paint: Paint = PLAIN): string {
  const { verdict, comparisons, labels, reasons, durationMs } = report;
  const colour = verdict === 'pass' ? paint.measured : paint.warning;
  const took = formatDuration(BigInt(durationMs) * 1_000_000n);
  const { shown: grown, following } = mainGrowth(comparisons);
  const shrunk = comparisons.filter((one) => one.verdict === 'shrunk');
  const lines = [
    `${paint.heading('memprof gate')}  ${colour(verdict)}: ${shorten(headline(report), WIDTH - 16 - verdict.length)}`,
    paint.dim(shorten(`${report.command.join(' ')}: ${baseText(report)}, ${took}`, WIDTH)),
    ...(verdict === 'inconclusive'
      ? reasons.flatMap((reason) => wrap(reason, '! ').map((line) => paint.warning(line)))
      : []),
    ...labels.flatMap((label) => wrap(label, 'differs: ')),
    ...table('Grown', grown, paint),
    ...followers(following),
    ...sites(report, paint),
    ...table('Shrunk', shrunk, paint),
    ...budgets(report, paint),
    ...unsteady(comparisons),
    ...rest(comparisons),
  ];
  return `${lines.join('\n')}\n`;
}

function table(title: string, rows: readonly Comparison[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  const head = `${title.padEnd(NAME)}${'base'.padStart(AMOUNT)}${'now'.padStart(AMOUNT)}${'p'.padStart(8)}`;
  const body = rows.slice(0, MAX_ROWS).flatMap((row) => {
    const name = keepEnd(measureText(row), NAME - 2).padEnd(NAME);
    const amounts = [row.baseMedian, row.nowMedian].map((value) => amountText(row, value).padStart(AMOUNT)).join('');
    return [`${name}${amounts}${probability(row.evidence.p).padStart(8)}`, `  ${changeText(row)}`];
  });
  const more = rows.length > MAX_ROWS ? [`  and ${rows.length - MAX_ROWS} more`] : [];
  return ['', paint.heading(head), ...body, ...more];
}

const probability = (p: number): string => (p < 0.0001 ? '<0.0001' : p.toFixed(4));

function sites({ sites: all }: GateReport, paint: Paint): string[] {
  if (all.length === 0) return [];
  return [
    '',
    paint.heading('Where'),
    ...all.slice(0, 5).flatMap(({ site, arena, growthBytes }) => {
      const of = arena === '' ? '' : ` of ${arena}`;
      return [
        `  ${`+${formatBytes(growthBytes)}`.padEnd(AMOUNT)}${shorten(site, WIDTH - AMOUNT - 4)}`,
        ...(of ? [`  ${' '.repeat(AMOUNT)}${shorten(of.trim(), WIDTH - AMOUNT - 4)}`] : []),
      ];
    }),
  ];
}

function budgets({ budgets: all }: GateReport, paint: Paint): string[] {
  if (all.length === 0) return [];
  const rows = all.map((budget) => {
    const mark = budget.verdict === 'kept' ? paint.measured('kept    ') : paint.warning(budget.verdict.padEnd(8));
    return `  ${mark}  ${shorten(budget.text, WIDTH - 32)}  median ${amountText(budget, budget.median)}`;
  });
  return ['', paint.heading('Budgets'), ...rows];
}

/** What grew with the above: named, since somebody may watch just that. */
function followers(all: readonly Comparison[]): string[] {
  if (all.length === 0) return [];
  return ['', ...wrap(`with it: ${all.map(measureText).join('; ')}`, '  ')];
}

const MAX_UNSTEADY = 5;

/** A pass says what it could not have seen. */
function unsteady(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.filter(({ verdict }) => verdict === 'unclear').sort((a, b) => b.high - a.high);
  if (rows.length === 0) return [];
  const names = rows.slice(0, MAX_UNSTEADY).map((row) => `${measureText(row)} (${amountText(row, row.high)})`);
  const more = rows.length > MAX_UNSTEADY ? `; and ${rows.length - MAX_UNSTEADY} more` : '';
  return ['', ...wrap(`too unsteady to tell growth up to the figure behind it: ${names.join('; ')}${more}`, '- ')];
}

function rest(comparisons: readonly Comparison[]): string[] {
  const same = comparisons.filter(({ verdict }) => verdict === 'same').length;
  return same === 0 ? [] : ['', `${same} of ${comparisons.length} measures are as they were.`];
}
