import type { Estimate, Summary } from '../schema/summary.js';
import { formatEstimate, keepEnd, printable, shorten } from './format.js';
import type { Paint } from './options.js';

/** Columns of the report. */
export const WIDTH = 80;
export const NAME_WIDTH = 23;
export const VALUE_WIDTH = 25;
export const SHARE_WIDTH = 6;

/** Colours one number by how sure it is; `width` pads what is seen, not the escape codes. */
export function painted(estimate: Estimate, unit: 'bytes' | 'count', paint: Paint, width = 0): string {
  const text = formatEstimate(estimate, unit);
  return paint[estimate.kind](text) + ' '.repeat(Math.max(0, width - text.length));
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(SHARE_WIDTH + 1);

/** The end of a path, and of `onnxruntime:initializers`, says more than its beginning. */
export const rowName = (name: string): string => (/[/:]/.test(name) ? keepEnd : shorten)(name, NAME_WIDTH - 1);

/** Breaks at blanks; the following lines are indented like the first one's text. */
export function wrap(text: string, prefix: string, indent = ' '.repeat(prefix.length)): string[] {
  const lines: string[] = [];
  let line = prefix;
  for (const whole of printable(text).split(/\s+/)) {
    const word = shorten(whole, WIDTH - indent.length);
    if (line.length + word.length > WIDTH && line.trim() !== '' && line !== prefix) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

/** Rows of each process under its name, where there are several; in the order in which they come. */
export function underProcesses<T extends { readonly pid: number }>(
  rows: readonly T[],
  processes: Summary['processes'],
  lines: (rows: readonly T[]) => readonly string[],
): string[] {
  if (processes.length < 2) return [...lines(rows)];
  const pids = [...new Set(rows.map(({ pid }) => pid))];
  return pids.flatMap((pid) => {
    const name = processes.find((process) => process.pid === pid)?.name ?? 'process';
    return [shorten(`${name} [${pid}]`, WIDTH), ...lines(rows.filter((row) => row.pid === pid))];
  });
}
