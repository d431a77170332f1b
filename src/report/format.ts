import type { Estimate } from '../schema/summary.js';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Power of 1024 in which a size reads best: 0 for bytes, 2 for MiB. */
function scaleOf(bytes: number): number {
  let scale = 0;
  // 1023.95 would read as 1024.0.
  for (let rest = Math.abs(bytes); rest >= 1023.95 && scale < UNITS.length - 1; rest /= 1024) scale++;
  return scale;
}

const digits = (value: number, scale: number): string => (value / 1024 ** scale).toFixed(scale === 0 ? 0 : 1);

/** `64.2 MiB`. */
export function formatBytes(bytes: number): string {
  const scale = scaleOf(bytes);
  return `${digits(bytes, scale)} ${UNITS[scale]}`;
}

/** `1,234,567`, the same in every language. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `12.4 s`, `3 min 20 s`. */
export function formatDuration(ns: bigint): string {
  const seconds = Number(ns) / 1e9;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** How sure a number is, before the number itself. */
export const MARKS = { measured: '=', estimated: '~', unknown: '?' } as const satisfies Record<
  Estimate['kind'],
  string
>;

/** `~ 64.2 MiB ±3.1`, `~ 1.2 MiB -0.9 +3.3` where the interval is lopsided, `= 64.2 MiB`, `? unknown`, `? over 64.2 MiB`. */
export function formatEstimate(estimate: Estimate, unit: 'bytes' | 'count'): string {
  const { kind, value, low, high } = estimate;
  const format = unit === 'bytes' ? formatBytes : formatCount;
  if (value === null || low === null || high === null) {
    return `${MARKS.unknown} ${low === null ? 'unknown' : `over ${format(low)}`}`;
  }
  const scale = unit === 'bytes' ? scaleOf(value) : 0;
  const text = format(value);
  if (kind === 'measured') return `${MARKS.measured} ${text}`;
  const part = (size: number) => (unit === 'bytes' ? digits(size, scale) : formatCount(size));
  const below = value - low;
  const above = high - value;
  if (above <= below * 1.25 && below <= above * 1.25)
    return `${MARKS.estimated} ${text} ±${part(Math.max(below, above))}`;
  return `${MARKS.estimated} ${text} -${part(below)} +${part(above)}`;
}

/** Cuts the middle out of a text that is too long: both ends of a path say something. */
export function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}
