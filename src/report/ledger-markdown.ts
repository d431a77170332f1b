import type { Ledger, LedgerLine } from '../model/ledger.js';
import { formatBytes } from '../model/units.js';
import { MARKS, printable } from './format.js';
import { allocatorTables } from './ledger-allocator-markdown.js';
import { momentText, togetherText } from './ledger-words.js';

/** The ledgers as Markdown tables, for issues and pull requests. */
export function writeLedgerMarkdown(ledgers: readonly Ledger[]): string {
  const sum = ledgers.length > 1 ? [togetherText(ledgers)] : [];
  return `${[...ledgers.map(section), ...sum].join('\n\n')}\n`;
}

function section(ledger: Ledger): string {
  const share = (bytes: number): string => `${((100 * bytes) / Math.max(1, ledger.rssBytes)).toFixed(2)} %`;
  const row = (line: LedgerLine, indent: string): string =>
    `| ${indent}${cell(line.title)} | ${amount(line)} | ${share(line.bytes)} | ${cell(line.source)} |`;
  const rows = (line: LedgerLine, indent: string): string[] => [
    row(line, indent),
    ...line.parts.flatMap((part) => rows(part, `${indent}&emsp;`)),
  ];
  const failed = ledger.checks.filter((check) => !check.isPassed);
  return [
    `### ${cell(ledger.name)} [${ledger.pid}]: RSS ${formatBytes(ledger.rssBytes)} (${momentText(ledger)})`,
    '',
    '| resident | bytes | share | how |',
    '| --- | ---: | ---: | --- |',
    ...ledger.lines.flatMap((line) => rows(line, '')),
    `| **RSS** | ${MARKS.measured} ${formatBytes(ledger.rssBytes)} | 100.00 % | smaps |`,
    ...(ledger.splitErrorBytes === undefined
      ? []
      : [`| split error | ${formatBytes(ledger.splitErrorBytes)} | ${share(ledger.splitErrorBytes)} | |`]),
    ...allocatorTables(ledger.allocators),
    '',
    '| not in RSS | bytes |',
    '| --- | ---: |',
    ...ledger.apart.map((line) => `| ${cell(line.name)} | ${MARKS[line.certainty]} ${formatBytes(line.bytes)} |`),
    ...(failed.length > 0 || ledger.unseen.length > 0 ? [''] : []),
    ...failed.map((check) => `- **cannot be trusted**: ${cell(check.message)}`),
    ...ledger.unseen.map((text) => `- not seen: ${cell(text)}`),
  ].join('\n');
}

function amount({ bytes, certainty, errorBytes }: LedgerLine): string {
  return `${MARKS[certainty]} ${formatBytes(bytes)}${errorBytes > 0 ? ` ±${formatBytes(errorBytes)}` : ''}`;
}

/** A bar would end the cell. */
function cell(text: string): string {
  return printable(text).replaceAll('|', '\\|');
}
