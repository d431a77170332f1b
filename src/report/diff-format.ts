import { formatBytes, formatCount, formatDuration } from '../model/units.js';
import type { Change, Diff } from '../schema/diff.js';
import type { Estimate } from '../schema/summary.js';
import { MARKS } from './format.js';

export type Unit = 'bytes' | 'count' | 'nanoseconds';

const FORMATS = {
  bytes: formatBytes,
  count: formatCount,
  nanoseconds: (ns: number) => `${ns < 0 ? '-' : ''}${formatDuration(BigInt(Math.round(Math.abs(ns))))}`,
} as const satisfies Record<Unit, (value: number) => string>;

/** `~ +5.8 MiB ±1.1`, `~ +0.3 MiB -2.0 +2.9`, `= -3.0 MiB`, `= 0 B`: value and error bar have one unit, that of the larger. */
export function formatDifference(difference: Estimate, unit: Unit): string {
  const { kind, value, low, high } = difference;
  if (value === null || low === null || high === null) return `${MARKS.unknown} unknown`;
  const sign = value > 0 ? '+' : '';
  if (kind === 'measured') return `${MARKS[kind]} ${sign}${FORMATS[unit](value)}`;
  const [below, above] = [value - low, high - value];
  const { scale, name } = scaleOf(Math.max(Math.abs(value), below, above), unit);
  const number = (size: number): string => {
    if (scale === 1) return formatCount(size);
    const digits = Math.abs(size / scale) >= 99.95 ? 0 : 1;
    return (size / scale).toFixed(digits).replace(/^-(0(\.0)?)$/, '$1');
  };
  // Long numbers have room for one bar only, the wider.
  const isEven = unit === 'count' || (above <= below * 1.25 && below <= above * 1.25);
  // An error is never printed as none.
  const part = (size: number): string => (size > 0 && Number(number(size)) === 0 ? '<0.1' : number(size));
  const bar = isEven ? `±${part(Math.max(below, above))}` : `-${part(below)} +${part(above)}`;
  return `${MARKS[kind]} ${sign}${number(value)}${name} ${bar}`;
}

function scaleOf(size: number, unit: Unit): { scale: number; name: string } {
  if (unit === 'count') return { scale: 1, name: '' };
  if (unit === 'nanoseconds') return size < 1e9 ? { scale: 1e6, name: ' ms' } : { scale: 1e9, name: ' s' };
  const name = formatBytes(size).split(' ')[1] ?? 'B';
  return { scale: 1024 ** ['B', 'KiB', 'MiB', 'GiB', 'TiB'].indexOf(name), name: ` ${name}` };
}

/** A side's mean with its mark; the error bar is with the difference. */
export function meanText({ kind, value, low }: Estimate, unit: Unit): string {
  const format = FORMATS[unit];
  if (value !== null) return `${MARKS[kind]} ${format(value)}`;
  return `${MARKS.unknown} ${low === null ? 'unknown' : `> ${format(low)}`}`;
}

/** `+9.1 %` of the base, `new`, `gone`; '' where it says nothing. */
export function formatGrowth({ base, now, difference }: Change): string {
  if (base.value === null || now.value === null || difference.value === null || difference.value === 0) return '';
  if (base.value === 0) return 'new';
  if (now.value === 0) return 'gone';
  const percent = (100 * difference.value) / base.value;
  const digits = Math.abs(percent) < 100 ? 1 : 0;
  return Math.abs(percent) > 9_999 ? '' : `${percent > 0 ? '+' : ''}${percent.toFixed(digits)} %`;
}

/** What the error bars are of. */
export function errorText({ base, now }: Diff): string {
  return base.runs + now.runs > 2
    ? 'Means of the runs; ± is what sampling and the differences between runs leave open.'
    : '± is the error of sampling. Runs differ too: several of each show by how much.';
}

export const chanceText = 'Of twenty rows without a change, one stands as grown or shrunk by chance.';
