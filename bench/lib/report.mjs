/**
 * What a bench says: sections, each a table, printed and, with `--json FILE`, written down. The documentation and its plots are made from those
 * files.
 *
 *     { bench, startedAt, seconds, machine, options, sections: [{ id, title, columns, rows, notes, data }] }
 *
 * `rows` are the strings that were printed; `data` the numbers behind them, for plots.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { machine, machineLine } from './machine.mjs';
import { interleave } from './rounds.mjs';
import { differences, ratios, summarize } from './statistics.mjs';
import { textTable, withSpread } from './table.mjs';

/**
 * Starts a report: reads the command line, prints the machine. `defaults` are the bench's own options, all `--name value`.
 *
 * @param {string} bench
 * @param {Record<string, string>} defaults
 */
export function startReport(bench, defaults = {}) {
  const names = { json: '', ...defaults };
  const { values } = parseArgs({
    options: Object.fromEntries(
      Object.entries(names).map(([name, value]) => [name, { type: 'string', default: value }]),
    ),
  });
  const { json, ...options } = values;
  const startedAt = new Date().toISOString();
  const report = { bench, startedAt, seconds: 0, machine: machine(), options, sections: [] };
  console.log(`${bench}: ${machineLine(report.machine)}`);
  return {
    options,
    /** Prints a table and keeps it. */
    section({ id, title, columns, rows, notes = [], data = null }) {
      report.sections.push({ id, title, columns, rows, notes, data });
      console.log(`\n${title}\n${textTable(columns, rows)}`);
      for (const note of notes) console.log(`(${note})`);
    },
    /** Writes the JSON, if it was asked for. */
    finish() {
      report.seconds = Math.round((Date.now() - Date.parse(startedAt)) / 1000);
      if (json !== '') writeFileSync(json, `${JSON.stringify(report, null, 1)}\n`);
    },
  };
}

/**
 * Compares sides in interleaved rounds and makes a section of it: the median of each, and the median and spread of its ratios to its neighbours
 * of the first side (or of the side that `bases` names for it).
 *
 * @param {{
 *   id: string, title: string, unit: string, digits?: number, rounds: number, warmUp?: number, limits?: Record<string, number>, notes?: string[],
 *   sides: Record<string, () => number | Promise<number>>,
 *   bases?: Record<string, string>, targets?: Record<string, string>, added?: boolean,
 * }} comparison `targets`: what a side's ratio or figure was to be, in words; `added`: print the differences to the base, too
 */
export async function compare({ sides, rounds, warmUp, limits, ...rest }) {
  return comparison({ ...rest, values: await interleave(sides, { rounds, warmUp, limits }) });
}

/** The section of values that have been measured: `{ side: [number, ...] }`, side by side in rounds. */
export function comparison({
  id,
  title,
  unit,
  digits = 1,
  values,
  bases = {},
  targets = {},
  added = false,
  notes = [],
}) {
  const [first] = Object.keys(values);
  const data = Object.entries(values).map(([side, numbers]) => {
    const base = bases[side] ?? first;
    const ratio = summarize(ratios(numbers, values[base]));
    const difference = summarize(differences(numbers, values[base]));
    return {
      side,
      base,
      rounds: numbers.length,
      value: summarize(numbers),
      ratio,
      difference,
      target: targets[side] ?? '',
    };
  });
  const rows = data.map(({ side, base, value, ratio, difference, target }) => {
    const other = side !== base;
    return [
      side,
      value.median.toFixed(digits),
      ...(added ? [other ? withSpread(difference, digits) : ''] : []),
      other ? withSpread(ratio) : '',
      other ? base : '',
      target,
    ];
  });
  const columns = ['', unit, ...(added ? ['added (spread)'] : []), 'ratio (spread)', 'to', 'target'];
  return { id, title, columns, rows, notes, data };
}
