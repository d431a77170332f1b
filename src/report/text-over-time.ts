import { formatBytes, formatCount } from '../model/units.js';
import type { Summary } from '../schema/summary.js';
import { shorten } from './format.js';
import type { Paint } from './options.js';
import { NAME_WIDTH } from './text-layout.js';

const SIZE_WIDTH = 13;

/** The series of the first process; summary.json has the others. */
export function gaugeTable({ gauges }: Summary, paint: Paint): string[] {
  const pid = gauges[0]?.pid;
  const shown = gauges.filter((gauge) => gauge.pid === pid && gauge.name in NAMES && (gauge.peak ?? 0) > 0);
  if (shown.length === 0) return [];
  const size = (bytes: number | null) => (bytes === null ? '' : formatBytes(bytes)).padStart(SIZE_WIDTH);
  const head = ['start', 'peak', 'end'].map((title) => title.padStart(SIZE_WIDTH)).join('');
  return [
    paint.heading(`${'Over time'.padEnd(NAME_WIDTH)}${head}`),
    ...shown.map(({ name, start, peak, end }) => {
      const label = shorten(NAMES[name] ?? name, NAME_WIDTH - 1).padEnd(NAME_WIDTH);
      return label + size(start) + size(peak) + size(end);
    }),
  ];
}

/** Series that a line of the text is worth. */
const NAMES: Readonly<Record<string, string>> = {
  rss: 'RSS',
  anonymous: 'anonymous',
  malloc_live_estimate: 'malloc in use ~',
  mmap_committed: 'mmap committed',
  swap: 'swap',
};

/** What made the program wait; empty where nothing did. */
export function waits(summary: Summary): string[] {
  return faultLines(summary);
}

function faultLines({ faults }: Summary): string[] {
  const major = faults.reduce((sum, one) => sum + one.major, 0);
  if (major < WORTH_A_LINE_FAULTS) return [];
  return [`${formatCount(major)} page faults waited for a disk`];
}

/** A program reads its own code from disk the first time. */
const WORTH_A_LINE_FAULTS = 100;
