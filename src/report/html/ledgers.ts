import type { Ledger, LedgerLine } from '../../model/ledger.js';
import { formatBytes } from '../../model/units.js';
import { MARKS } from '../format.js';
import type { LedgerMoment } from '../options.js';
import { biggest } from './live-stacks.js';
import type { PageLedger, PageLedgerLine, Stack } from './page-data.js';
import { interpolate, type SecondsOf } from './timeline.js';

export function pageLedgers(ledgers: readonly LedgerMoment[], secondsOf: SecondsOf): PageLedger[] {
  return [...ledgers]
    .sort((a, b) => Number(a.timeNs - b.timeNs))
    .map(({ timeNs, ledger }) => pageLedger(ledger, secondsOf(timeNs)));
}

function pageLedger(ledger: Ledger, seconds: number): PageLedger {
  return {
    seconds,
    moment: ledger.moment,
    rssBytes: ledger.rssBytes,
    lines: ledger.lines.filter(({ bytes, name }) => bytes !== 0 || name === 'residual').map(pageLine),
    splitErrorBytes: ledger.splitErrorBytes ?? null,
    skewBytes: ledger.skewBytes,
    apart: ledger.apart
      .filter(({ bytes }) => bytes > 0)
      .map(({ name, bytes, certainty }) => [name, `${MARKS[certainty]} ${formatBytes(bytes)}`]),
    warnings: [...ledger.checks.filter(({ isPassed }) => !isPassed).map(({ message }) => message), ...ledger.unseen],
  };
}

function pageLine({ name, title, bytes, errorBytes, certainty, source, parts }: LedgerLine): PageLedgerLine {
  return {
    name,
    title,
    bytes: Math.round(bytes),
    errorBytes: Math.round(errorBytes),
    certainty,
    source,
    parts: parts.map(pageLine),
  };
}

/** The lines over time. A residual below zero cannot be stacked: the line of RSS shows it. */
export function ledgerStack(readings: readonly PageLedger[], seconds: readonly number[]): Stack | undefined {
  if (readings.length < 2) return undefined;
  const times = readings.map((reading) => reading.seconds);
  const titles = new Map<string, string>();
  for (const { lines } of readings) for (const { name, title } of lines) titles.set(name, title);
  const curves = [...titles].map(([name, title]) => {
    const values = readings.map(({ lines }) => Math.max(0, lines.find((line) => line.name === name)?.bytes ?? 0));
    return { name, title, values: interpolate(times, values, seconds) };
  });
  const note = `${readings.length} readings, straight lines between them`;
  return { name: 'ledger', title: 'by ledger line', note, bands: biggest(curves, 'smaller lines') };
}
