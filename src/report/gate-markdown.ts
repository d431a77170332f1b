import type { Comparison, GateReport } from '../model/gate.js';
import { formatBytes } from '../model/units.js';
import { amountText, baseText, changeText, headline, measureText } from './gate-names.js';

const MAX_ROWS = 20;
const BAR = 20;
const SIGN = { pass: '✅', regression: '❌', inconclusive: '⚠️' } as const;

/** For a comment on a pull request or a step summary: well below their limits of 64 KB and 1 MiB. */
export function writeGateMarkdown(report: GateReport): string {
  const { verdict, comparisons, budgets, sites, labels, reasons } = report;
  const changed = comparisons.filter((one) => one.verdict === 'grown' || one.verdict === 'shrunk');
  const unclear = comparisons.filter((one) => one.verdict === 'unclear');
  const lines = [
    `### ${SIGN[verdict]} memory: ${verdict}`,
    '',
    `${cell(headline(report))}  `,
    `<sub><code>${cell(report.command.join(' '))}</code>: ${cell(baseText(report))}</sub>`,
    ...(verdict === 'inconclusive' ? ['', ...reasons.map((reason) => `- ${cell(reason)}`)] : []),
    ...(labels.length > 0 ? ['', ...labels.map((label) => `- differs: ${cell(label)}`)] : []),
    ...table(changed),
    ...(sites.length > 0 && verdict === 'regression'
      ? [
          '',
          '| growth | arena | where |',
          '| --: | --- | --- |',
          ...sites.map(
            ({ growthBytes, arena, site }) =>
              `| +${formatBytes(growthBytes)} | ${cell(arena)} | <code>${cell(site)}</code> |`,
          ),
        ]
      : []),
    ...(budgets.length > 0
      ? [
          '',
          '| budget | median | |',
          '| --- | --: | --- |',
          ...budgets.map((one) => `| ${cell(one.text)} | ${amountText(one, one.median)} | ${one.verdict} |`),
        ]
      : []),
    ...(unclear.length > 0
      ? [
          '',
          `<sub>Too unsteady to tell: ${unclear
            .slice(0, 5)
            .map((one) => `${cell(measureText(one))} (up to +${amountText(one, one.high)})`)
            .join(', ')}${unclear.length > 5 ? `, and ${unclear.length - 5} more` : ''}</sub>`,
        ]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

function table(rows: readonly Comparison[]): string[] {
  if (rows.length === 0) return [];
  const most = Math.max(...rows.map(({ baseMedian, nowMedian }) => Math.max(baseMedian, nowMedian)));
  return [
    '',
    '| measure | base | now | change | |',
    '| --- | --: | --: | --: | --- |',
    ...rows.slice(0, MAX_ROWS).map((one) => {
      const amounts = `${amountText(one, one.baseMedian)} | ${amountText(one, one.nowMedian)}`;
      return `| ${cell(measureText(one))} | ${amounts} | ${changeText(one)} | \`${bar(one, most)}\` |`;
    }),
    ...(rows.length > MAX_ROWS ? [`| and ${rows.length - MAX_ROWS} more | | | | |`] : []),
  ];
}

/** What stayed, and what came (`+`) or went (`-`), to one scale for all rows. */
function bar({ baseMedian, nowMedian }: Comparison, most: number): string {
  const width = (bytes: number): number => Math.round((BAR * bytes) / Math.max(1, most));
  const kept = width(Math.min(baseMedian, nowMedian));
  const changed = Math.max(1, width(Math.max(baseMedian, nowMedian)) - kept);
  return `${'█'.repeat(kept)}${(nowMedian > baseMedian ? '+' : '-').repeat(changed)}`;
}

/** Names come from the profiled program: none may end a cell, a code span or a line, or be markup. */
function cell(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[|`<>\\*_[\]]/g, (character) => `&#${character.charCodeAt(0)};`);
}
