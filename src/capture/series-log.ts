import { CHUNK, SERIES_HEADER_BYTES, type SeriesColumn } from '../recording/chunks.js';
import type { RecordingFile } from './recording-writer.js';

/** Rows of one table of time series that are not on disk yet. */
export interface SeriesLog {
  /** A value for each column; undefined: not known. A row that says what the row before it said is left out until the next change. */
  add(nowNs: bigint, values: readonly (number | undefined)[]): void;
  /** Writes one SERIES chunk a second, or at once if forced. */
  flush(out: RecordingFile, nowNs: bigint, force: boolean): void;
}

const FLUSH_EVERY_NS = 1_000_000_000n;

export function createSeriesLog(columns: readonly SeriesColumn[]): SeriesLog {
  const head = headOf(columns);
  let rows: Buffer[] = [];
  let dueNs = 0n;
  let last: Buffer | undefined;
  let left: Buffer | undefined;
  return {
    add(nowNs, values) {
      const row = Buffer.alloc(8 * (1 + columns.length));
      row.writeBigUInt64LE(nowNs);
      columns.forEach((_, i) => {
        row.writeDoubleLE(values[i] ?? Number.NaN, 8 * (i + 1));
      });
      const isSame = last !== undefined && row.compare(last, 8, row.length, 8) === 0;
      if (isSame) {
        left = row;
        return;
      }
      // The value held until just before now.
      if (left !== undefined) rows.push(left);
      left = undefined;
      last = row;
      rows.push(row);
    },
    flush(out, nowNs, force) {
      if (force && left !== undefined) rows.push(left);
      if (force) left = undefined;
      if (rows.length === 0 || (!force && nowNs < dueNs)) return;
      dueNs = nowNs + FLUSH_EVERY_NS;
      head.writeUInt32LE(rows.length, 4);
      // On a full disk the rows are gone: keeping them would let memory grow.
      out.append(CHUNK.series, [head, ...rows]);
      rows = [];
    },
  };
}

function headOf(columns: readonly SeriesColumn[]): Buffer {
  const json = Buffer.from(JSON.stringify({ columns }));
  const head = Buffer.alloc(SERIES_HEADER_BYTES + Math.ceil(json.length / 8) * 8, ' ');
  head.writeUInt32LE(json.length, 0);
  json.copy(head, SERIES_HEADER_BYTES);
  return head;
}
