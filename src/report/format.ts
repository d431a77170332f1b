import { formatBytes, formatCount } from '../model/units.js';
import type { Estimate } from '../schema/summary.js';

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
  const text = format(value);
  if (kind === 'measured') return `${MARKS.measured} ${text}`;
  // Nothing seen has no unit of its own.
  if (value === 0 && low === 0 && unit === 'bytes') return `${MARKS.estimated} ${text} +${formatBytes(high)}`;
  // The error bar stands in the unit of the value.
  const scale = unit === 'bytes' ? 1024 ** BYTE_UNITS.indexOf(text.slice(text.lastIndexOf(' ') + 1)) : 1;
  const part = (size: number) => (scale === 1 ? formatCount(size) : fraction(size / scale));
  const below = value - low;
  const above = high - value;
  const isEven = above <= below * 1.25 && below <= above * 1.25;
  if (isEven || part(below) === part(above)) return `${MARKS.estimated} ${text} ±${part(Math.max(below, above))}`;
  return `${MARKS.estimated} ${text} -${part(below)} +${part(above)}`;
}

/** As `formatBytes` writes them. */
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** An error is never printed as none. */
function fraction(size: number): string {
  if (size > 0 && size < 0.05) return '<0.1';
  return size.toFixed(size >= 99.95 ? 0 : 1);
}

/** Names come from the profiled program and may hold anything: nothing in them may break a line or steer a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

/** Cuts the middle out of a text that is too long: both ends say something. */
export function shorten(text: string, width: number): string {
  const clean = printable(text);
  if (clean.length <= width) return clean;
  const head = Math.floor((width - 1) / 2);
  return `${clean.slice(0, head)}…${clean.slice(clean.length - (width - 1 - head))}`;
}

/** Cuts the beginning off a path or a name that is too long: the end says more. */
export function keepEnd(text: string, width: number): string {
  const clean = printable(text);
  return clean.length <= width ? clean : `…${clean.slice(clean.length - (width - 1))}`;
}

/** A C++ name that is too long loses its parameters first: `ns::Session::Run(Options const*, ...)` is `ns::Session::Run`. */
export function shortenName(name: string, width: number): string {
  return name.length <= width ? printable(name) : keepEnd(withoutParameters(name), width);
}

/** Template arguments may hold parentheses of their own: the list is what the last one closes. */
function withoutParameters(name: string): string {
  const end = name.replace(/( const| noexcept| &+)*$/, '');
  if (!end.endsWith(')')) return name;
  let depth = 0;
  for (let at = end.length - 1; at > 0; at--) {
    if (end[at] === ')') depth++;
    else if (end[at] === '(' && --depth === 0) return end.slice(0, at);
  }
  return name;
}
