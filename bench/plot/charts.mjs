/** The two kinds of chart: rows of dots, and lines over a logarithmic axis. */
import { dot, label, legend, line, picture, scale, TEXT } from './svg.mjs';

const WIDTH = 820;
const ROW = 21;

/**
 * Rows, each with dots on one axis.
 *
 * @param {{
 *   title: string, note?: string, labelWidth: number, legend: { name: string, colour: string, hollow?: boolean }[],
 *   axis: { low: number, high: number, log?: boolean, ticks: number[], format: (value: number) => string },
 *   lines?: { value: number, name: string }[],
 *   rows: { name: string, first?: boolean, value: string, target?: number, marks: { value: number, low?: number, high?: number, colour: string, hollow?: boolean }[] }[],
 * }} chart `first`: a line above; `value`: in words, to the right; `target`: a tick on this row
 */
export function dotRows({ title, note, labelWidth, legend: entries, axis, lines = [], rows }) {
  const top = 74;
  const bottom = top + rows.length * ROW;
  const [left, right] = [labelWidth, WIDTH - 130];
  const x = scale({ ...axis, from: left, to: right });
  const inside = (value) => x(Math.min(axis.high, Math.max(axis.low, value)));
  const parts = [label(0, 16, title, { bold: true, size: 15 }), ...legend(left, 42, entries)];
  for (const tick of axis.ticks) {
    parts.push(
      line(x(tick), top, x(tick), bottom),
      label(x(tick), bottom + 18, axis.format(tick), { anchor: 'middle' }),
    );
  }
  for (const { value, name } of lines) {
    parts.push(
      line(x(value), top - 4, x(value), bottom, { colour: TEXT, dashes: '4 3' }),
      label(x(value), top - 8, name, { anchor: 'middle', size: 12 }),
    );
  }
  rows.forEach(({ name, first, value, target, marks }, index) => {
    const y = top + (index + 0.5) * ROW;
    if (first && index > 0) parts.push(line(0, y - ROW / 2, WIDTH, y - ROW / 2));
    parts.push(label(left - 14, y + 4.5, name, { anchor: 'end' }), label(right + 14, y + 4.5, value, { size: 12 }));
    if (target !== undefined) {
      parts.push(line(x(target), y - ROW / 2 + 2, x(target), y + ROW / 2 - 2, { colour: TEXT, width: 2 }));
    }
    for (const { value: at, low, high, ...mark } of marks) {
      if (low !== undefined) parts.push(line(inside(low), y, inside(high), y, { colour: mark.colour, width: 2 }));
      parts.push(dot(inside(at), y, mark));
    }
  });
  if (note) parts.push(label(0, bottom + 44, note, { size: 12 }));
  return picture({ width: WIDTH, height: bottom + (note ? 54 : 28), title }, parts);
}

/**
 * Panels beside each other, each with lines over the same logarithmic x axis.
 *
 * @param {{
 *   title: string, note?: string, x: { low: number, high: number, ticks: number[], format: (value: number) => string, name: string },
 *   panels: {
 *     name: string, high: number, ticks: number[], target?: { x: number, y: number },
 *     lines: { name: string, colour: string, points: { x: number, y: number, low?: number, high?: number }[] }[],
 *   }[],
 * }} chart the y axes begin at 0
 */
export function linePanels({ title, note, x: axis, panels }) {
  const [top, bottom, gap] = [84, 310, 70];
  const width = (WIDTH - 40 - gap * (panels.length - 1) - 20) / panels.length;
  const parts = [label(0, 16, title, { bold: true, size: 15 })];
  panels.forEach(({ name, high, ticks, target, lines }, index) => {
    const left = 40 + index * (width + gap);
    const x = scale({ ...axis, log: true, from: left + 8, to: left + width });
    const y = scale({ low: 0, high, from: bottom, to: top });
    parts.push(label(left - 30, 46, name, { bold: true }));
    if (lines.length > 1) parts.push(...legend(left - 30, 68, lines));
    for (const tick of ticks) {
      parts.push(line(left, y(tick), left + width, y(tick)), label(left - 8, y(tick) + 4.5, tick, { anchor: 'end' }));
    }
    for (const tick of axis.ticks) parts.push(label(x(tick), bottom + 20, axis.format(tick), { anchor: 'middle' }));
    parts.push(label(left + width / 2, bottom + 40, axis.name, { anchor: 'middle', size: 12 }));
    if (target) parts.push(line(x(target.x) - 26, y(target.y), x(target.x), y(target.y), { colour: TEXT, width: 2 }));
    for (const { colour, points } of lines) {
      const path = points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(' ');
      parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
      for (const point of points) {
        if (point.low !== undefined) {
          parts.push(line(x(point.x), y(point.low), x(point.x), y(Math.min(high, point.high)), { colour, width: 1.5 }));
        }
        parts.push(dot(x(point.x), y(point.y), { colour, radius: 4 }));
      }
    }
  });
  if (note) parts.push(label(0, bottom + 68, note, { size: 12 }));
  return picture({ width: WIDTH, height: bottom + (note ? 78 : 50), title }, parts);
}
