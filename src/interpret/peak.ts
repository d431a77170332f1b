import { EVENT, HEAP } from '../recording/wire.js';
import { eachEvent, isWeight, signOf, u64 } from './event-record.js';
import { createUseTable, grown, isSampledHeap, type SiteUse, USE_COLUMNS } from './site-use.js';

export interface Peak {
  readonly bytes: number;
  /** CLOCK_MONOTONIC. */
  readonly timeNs: bigint;
}

export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Files of one site: a model has a few dozen parts at most. */
const MAX_FILES = 64;

/** Follows what is in use at each site through the events of a process. */
export interface UseFold {
  /** @param events whole event records. */
  add(events: Buffer): void;
  peak(): Peak;
  /** By site number, as it was at the peak. */
  atPeak(): Map<number, SiteUse>;
  /** By site number, after the last event. */
  atEnd(): Map<number, SiteUse>;
  /** Where a site mapped files; the first of them. */
  filesOf(site: number): readonly AddressRange[];
}

/**
 * The state at the exact maximum, in constant time per event: each new maximum of the total begins an epoch, and a site that
 * changes for the first time in an epoch first saves how it was at the maximum (copy on write). Nothing is copied at the maximum
 * itself, of which a growing program has one per allocation.
 */
export function createUseFold(): UseFold {
  const now = createUseTable();
  /** Rows as they were at the maximum number `savedEpochs[row]`; with an older number, one has not changed since the maximum. */
  let saved = new Float64Array(0);
  let savedEpochs = new Float64Array(64);
  const files = new Map<number, AddressRange[]>();
  let totalBytes = 0;
  let peakBytes = 0;
  let peakTimeNs = 0n;
  let epoch = 1;

  function apply(events: DataView, at: number): void {
    const sign = signOf(events.getUint16(at + EVENT.type, true));
    if (sign === 0) return;
    const sizeBytes = u64(events, at + EVENT.size);
    const weightBytes = events.getFloat64(at + EVENT.weight, true);
    const heap = events.getUint16(at + EVENT.heap, true);
    const isSampled = isSampledHeap(heap);
    if (isSampled && !isWeight(weightBytes, sizeBytes)) return;
    const site = events.getUint32(at + EVENT.site, true);
    if (heap === HEAP.file && sign > 0) addFile(site, events.getBigUint64(at + EVENT.address, true), sizeBytes);
    const row = now.rowOf(site);
    if (row >= savedEpochs.length) savedEpochs = grown(savedEpochs);
    if (savedEpochs[row] !== epoch) save(row);
    const before = now.bytesOf(row);
    if (isSampled) now.addSampled(row, sizeBytes, weightBytes, sign);
    else now.addExact(row, sizeBytes, sign);
    totalBytes += now.bytesOf(row) - before;
    if (totalBytes > peakBytes) {
      peakBytes = totalBytes;
      peakTimeNs = events.getBigUint64(at + EVENT.timeNs, true);
      epoch++;
    }
  }

  function addFile(site: number, start: bigint, sizeBytes: number): void {
    const ofSite = files.get(site) ?? [];
    files.set(site, ofSite);
    if (ofSite.length < MAX_FILES) ofSite.push({ start, end: start + BigInt(sizeBytes) });
  }

  function save(row: number): void {
    const { rows } = now;
    if (saved.length < rows.length) {
      const larger = new Float64Array(rows.length);
      larger.set(saved);
      saved = larger;
    }
    for (let at = row * USE_COLUMNS; at < (row + 1) * USE_COLUMNS; at++) saved[at] = rows[at] ?? 0;
    savedEpochs[row] = epoch;
  }

  return {
    add: (events) => eachEvent(events, apply),
    peak: () => ({ bytes: peakBytes, timeNs: peakTimeNs }),
    atPeak: () => now.collect((row) => (savedEpochs[row] === epoch ? saved : now.rows)),
    atEnd: () => now.collect(),
    filesOf: (site) => files.get(site) ?? [],
  };
}
