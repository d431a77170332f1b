import { HEAP } from '../recording/wire.js';

/** Whether a heap's allocations are samples that stand for others; mappings are followed exactly. */
export function isSampledHeap(heap: number): boolean {
  return heap === HEAP.malloc || heap === HEAP.custom;
}

/** What is in use at one site, with its sampling variance. Mappings are exact. */
export interface SiteUse {
  readonly objects: number;
  readonly bytes: number;
  readonly objectsVariance: number;
  readonly bytesVariance: number;
  readonly observations: number;
}

/** Columns of a row of a `UseTable`. */
const OBJECTS = 0;
const BYTES = 1;
const OBJECTS_VARIANCE = 2;
const BYTES_VARIANCE = 3;
const OBSERVATIONS = 4;
export const USE_COLUMNS = 5;
/** More than a store has room for. */
const MAX_SITES = 1 << 22;

/**
 * A row of five numbers for each site, in the order in which the sites were first met: flat, because a recording has millions of
 * events and each changes a row.
 */
export interface UseTable {
  /** Row `r` is at `r * USE_COLUMNS`. Another array after each `rowOf` of a new site. */
  readonly rows: Float64Array;
  /** The row of a site number, added empty if it is new. */
  rowOf(site: number): number;
  bytesOf(row: number): number;
  read(row: number): SiteUse;
  addSampled(row: number, sizeBytes: number, weightBytes: number, sign: 1 | -1): void;
  addExact(row: number, sizeBytes: number, sign: 1 | -1): void;
  /** By site number, what `rows` say, or other rows of the same shape. */
  collect(rowsOf?: (row: number) => Float64Array): Map<number, SiteUse>;
}

export function createUseTable(): UseTable {
  /** Site numbers by row. */
  const sites: number[] = [];
  /** Row + 1 by site number, 0 for none: the sampler numbers sites from 0 on. */
  let rowsBySite = new Uint32Array(1024);
  /** Rows of the numbers that no sampler gives: a damaged file may have any. */
  const farRows = new Map<number, number>();
  let rows = new Float64Array(64 * USE_COLUMNS);

  function addRow(site: number): number {
    const row = sites.push(site) - 1;
    if (site >= MAX_SITES) farRows.set(site, row + 1);
    else {
      while (site >= rowsBySite.length) {
        const larger = new Uint32Array(rowsBySite.length * 2);
        larger.set(rowsBySite);
        rowsBySite = larger;
      }
      rowsBySite[site] = row + 1;
    }
    if (sites.length * USE_COLUMNS > rows.length) rows = grown(rows);
    return row;
  }

  return {
    get rows() {
      return rows;
    },
    rowOf(site) {
      const known = site < MAX_SITES ? rowsBySite[site] : farRows.get(site);
      return known ? known - 1 : addRow(site);
    },
    bytesOf: (row) => rows[row * USE_COLUMNS + BYTES] ?? 0,
    read: (row) => readRow(rows, row),
    /**
     * Adds a live sample, or takes it out again. With the probability p of being sampled, an allocation stands for 1/p objects and
     * size/p bytes, with the Horvitz-Thompson variances (1-p)/p^2 and (1-p)/p^2 * size^2.
     */
    addSampled(row, sizeBytes, weightBytes, sign) {
      const at = row * USE_COLUMNS;
      const left = (rows[at + OBSERVATIONS] ?? 0) + sign;
      // The last one out: no rest of rounding errors may stay behind.
      if (left <= 0) {
        rows.fill(0, at, at + USE_COLUMNS);
        return;
      }
      const p = Math.max(sizeBytes, 1) / weightBytes;
      const variance = (sign * (1 - p)) / (p * p);
      rows[at + OBSERVATIONS] = left;
      rows[at + OBJECTS] = (rows[at + OBJECTS] ?? 0) + sign / p;
      rows[at + BYTES] = (rows[at + BYTES] ?? 0) + (sign * sizeBytes) / p;
      rows[at + OBJECTS_VARIANCE] = Math.max(0, (rows[at + OBJECTS_VARIANCE] ?? 0) + variance);
      rows[at + BYTES_VARIANCE] = Math.max(0, (rows[at + BYTES_VARIANCE] ?? 0) + variance * sizeBytes * sizeBytes);
    },
    /** Pieces of a mapping may go one by one: bytes are exact, and while some are left there is at least one object. */
    addExact(row, sizeBytes, sign) {
      const at = row * USE_COLUMNS;
      const bytes = Math.max(0, (rows[at + BYTES] ?? 0) + sign * sizeBytes);
      rows[at + BYTES] = bytes;
      rows[at + OBJECTS] = bytes === 0 ? 0 : Math.max(1, (rows[at + OBJECTS] ?? 0) + sign);
    },
    collect(rowsOf = () => rows) {
      const result = new Map<number, SiteUse>();
      for (const [row, site] of sites.entries()) {
        const use = readRow(rowsOf(row), row);
        if (use.bytes > 0 || use.objects > 0) result.set(site, use);
      }
      return result;
    },
  };
}

function readRow(rows: Float64Array, row: number): SiteUse {
  const at = row * USE_COLUMNS;
  return {
    objects: rows[at + OBJECTS] ?? 0,
    bytes: rows[at + BYTES] ?? 0,
    objectsVariance: rows[at + OBJECTS_VARIANCE] ?? 0,
    bytesVariance: rows[at + BYTES_VARIANCE] ?? 0,
    observations: rows[at + OBSERVATIONS] ?? 0,
  };
}

/** A copy of twice the length. */
export function grown(rows: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(rows.length * 2);
  larger.set(rows);
  return larger;
}
