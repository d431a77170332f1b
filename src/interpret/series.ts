import { SERIES_HEADER_BYTES, type SeriesColumn } from '../recording/chunks.js';

/** One column over time. `times` are CLOCK_MONOTONIC, ns. */
export interface Series extends SeriesColumn {
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** The series of a process, from its SERIES chunks. */
export interface SeriesTable {
  /** False if the payload makes no sense, or not to its end. */
  add(payload: Buffer): boolean;
  all(): readonly Series[];
}

/** A day of ten rows a second has more. */
const MAX_POINTS = 20_000;
/** A file of ours has a dozen. */
const MAX_SERIES = 1_000;
const UNITS: readonly string[] = ['bytes', 'count', 'nanoseconds'] satisfies SeriesColumn['unit'][];

interface Growing extends SeriesColumn {
  times: number[];
  values: number[];
}

export function createSeriesTable(): SeriesTable {
  const series = new Map<string, Growing>();

  function columnOf(column: SeriesColumn): Growing | undefined {
    const known = series.get(column.name);
    if (known !== undefined || series.size >= MAX_SERIES) return known;
    const fresh = { ...column, times: [], values: [] };
    series.set(column.name, fresh);
    return fresh;
  }

  function add(payload: Buffer): boolean {
    if (payload.length < SERIES_HEADER_BYTES) return false;
    const jsonBytes = payload.readUInt32LE(0);
    const start = SERIES_HEADER_BYTES + Math.ceil(jsonBytes / 8) * 8;
    const columns = readColumns(payload.toString('utf8', SERIES_HEADER_BYTES, SERIES_HEADER_BYTES + jsonBytes));
    if (columns === undefined) return false;
    const rowBytes = 8 * (1 + columns.length);
    const said = payload.readUInt32LE(4);
    const rows = Math.min(said, Math.floor((payload.length - start) / rowBytes));
    columns.map(columnOf).forEach((column, i) => {
      for (let row = 0; column !== undefined && row < rows; row++) {
        const at = start + row * rowBytes;
        const value = payload.readDoubleLE(at + 8 * (i + 1));
        if (Number.isFinite(value)) push(column, Number(payload.readBigUInt64LE(at)), value);
      }
    });
    return rows === said;
  }

  return { add, all: () => [...series.values()] };
}

function push(column: Growing, timeNs: number, value: number): void {
  if (column.times.length >= MAX_POINTS) {
    const kept = decimate(column.values, MAX_POINTS / 2);
    column.times = kept.map((at) => column.times[at] ?? 0);
    column.values = kept.map((at) => column.values[at] ?? 0);
  }
  column.times.push(timeNs);
  column.values.push(value);
}

function readColumns(json: string): SeriesColumn[] | undefined {
  try {
    const { columns } = JSON.parse(json);
    return Array.isArray(columns) && columns.length > 0 && columns.every(isColumn) ? columns : undefined;
  } catch {
    return undefined; // counted as a bad chunk by the caller
  }
}

function isColumn(value: unknown): value is SeriesColumn {
  if (typeof value !== 'object' || value === null) return false;
  const { name, unit } = value as Partial<SeriesColumn>;
  return typeof name === 'string' && typeof unit === 'string' && UNITS.includes(unit);
}

/**
 * Which points of a series to keep, `most` at most: the first, the last, and the lowest and the highest of each stretch between, so that
 * whoever draws it sees every peak.
 */
export function decimate(values: readonly number[], most: number): number[] {
  const count = values.length;
  if (count <= most) return values.map((_, at) => at);
  const stretches = Math.max(1, Math.floor((most - 2) / 2));
  const kept = [0];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const first = 1 + Math.floor((stretch * (count - 2)) / stretches);
    const end = 1 + Math.floor(((stretch + 1) * (count - 2)) / stretches);
    let [low, high] = [first, first];
    for (let at = first; at < end; at++) {
      if ((values[at] ?? 0) < (values[low] ?? 0)) low = at;
      if ((values[at] ?? 0) > (values[high] ?? 0)) high = at;
    }
    kept.push(Math.min(low, high));
    if (low !== high) kept.push(Math.max(low, high));
  }
  kept.push(count - 1);
  return kept;
}
