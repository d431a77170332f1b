import { EVENT, EVENT_TYPE } from '../recording/wire.js';
import { createBlockTimes } from './block-times.js';
import { eachEvent, isWeight, signOf, u64 } from './event-record.js';
import { createLiveSeries, type LivePoints } from './live-series.js';
import { createUseTable, isSampledHeap } from './site-use.js';
import { createSumTable, type Sum, type SumTable } from './sums.js';

/** Which arena an event is about, by number from 0 on; -1 for none. */
export interface ArenaNumbers {
  readonly count: number;
  /** By site number. */
  readonly ofSite: Int32Array;
  /** Arenas that are current while the program runs in them: of others, a free elsewhere means nothing. */
  readonly isCarried: Uint8Array;
  /** The arena that was current under a tag. */
  readonly current: (tag: number) => number;
  /** Pool of each arena, by number from 0 on; -1 for none. */
  readonly poolOfArena: Int32Array;
  readonly poolCount: number;
}

/** Sums of one arena or pool. Times are CLOCK_MONOTONIC in ns, 0 for never. */
export interface Tally {
  readonly live: Sum;
  readonly peak: Sum;
  readonly allocated: Sum;
  readonly churn: Sum;
  readonly freedElsewhere: Sum;
  readonly lastAllocationNs: number;
  /** When the live bytes last came to 0; 0 while some are live. */
  readonly lastFreedNs: number;
}

/** A pool's peak is that of all its arenas together, at one time. */
export interface PoolTally {
  readonly live: Sum;
  readonly peak: Sum;
  /** Most arenas that held memory at once. */
  readonly peakArenas: number;
  /** Different sizes of blocks, up to `MAX_SIZES`. */
  readonly sizes: number;
}

export interface ArenaEvents {
  /** @param events whole event records, in their order. */
  add(events: Buffer): void;
  /** Events are missing here. Of what comes next nobody knows whether it adds to what was freed meanwhile: peaks stay as they are. */
  lose(): void;
  arena(number: number): Tally;
  pool(number: number): PoolTally;
  /** Live bytes over time, up to where events are missing. */
  arenaSeries(number: number): LivePoints;
  poolSeries(number: number): LivePoints;
}

/** What lived for less is churn. */
const CHURN_NS = 1e9;
export const MAX_SIZES = 10_000;

/**
 * Follows arenas and pools through the events of a process: constant time an event. Blocks of malloc are samples that stand for size / p bytes
 * each, with the Horvitz-Thompson variance; mappings are exact. A piece out of the middle of a mapping has no known age: it is no churn.
 */
export function followArenas(numbers: ArenaNumbers): ArenaEvents {
  const { count, ofSite, isCarried, current, poolOfArena, poolCount } = numbers;
  // Two rows each: samples, and what is exact. The last sample to go takes the rounding errors of its row along.
  const use = createUseTable();
  for (let row = 0; row < 2 * (count + poolCount); row++) use.rowOf(row);
  const times = createBlockTimes();
  const peak = createSumTable(count + poolCount);
  const series = createLiveSeries(count + poolCount);
  const [allocated, churn, elsewhere] = [createSumTable(count), createSumTable(count), createSumTable(count)];
  const [lastAllocation, lastFreed] = [new Float64Array(count), new Float64Array(count)];
  const holding = new Int32Array(poolCount);
  const peakArenas = new Int32Array(poolCount);
  let isWhole = true;
  const sizes = Array.from({ length: poolCount }, () => new Set<number>());

  const liveOf = (owner: number): number => use.bytesOf(2 * owner) + use.bytesOf(2 * owner + 1);
  const live = (owner: number): Sum => {
    const { bytes, bytesVariance, objects, objectsVariance } = use.read(2 * owner);
    const exactBytes = use.bytesOf(2 * owner + 1);
    return { bytes: bytes + exactBytes, exactBytes, variance: bytesVariance, objects, objectsVariance };
  };

  /** Moves the live bytes of an arena or pool; tells whether they came from 0 (1), came to 0 (-1) or neither. */
  function move(
    owner: number,
    timeNs: number,
    sampled: boolean,
    sizeBytes: number,
    weightBytes: number,
    sign: 1 | -1,
  ): -1 | 0 | 1 {
    const before = liveOf(owner);
    if (sampled) use.addSampled(2 * owner, sizeBytes, weightBytes, sign);
    else use.addExact(2 * owner + 1, sizeBytes, sign);
    const after = liveOf(owner);
    if (isWhole && after > peak.bytesOf(owner)) peak.set(owner, live(owner));
    if (isWhole) series.add(owner, timeNs, after);
    if (before === 0) return after > 0 ? 1 : 0;
    return after === 0 ? -1 : 0;
  }

  function movePool(
    arena: number,
    timeNs: number,
    sampled: boolean,
    sizeBytes: number,
    weightBytes: number,
    sign: 1 | -1,
  ): void {
    const pool = poolOfArena[arena] ?? -1;
    if (pool < 0) return;
    move(count + pool, timeNs, sampled, sizeBytes, weightBytes, sign);
    const known = sizes[pool];
    if (sign === 1 && known !== undefined && known.size < MAX_SIZES) known.add(sizeBytes);
  }

  function countHolders(arena: number, change: -1 | 0 | 1): void {
    const pool = poolOfArena[arena] ?? -1;
    if (pool < 0 || change === 0) return;
    const now = (holding[pool] ?? 0) + change;
    holding[pool] = now;
    if (isWhole && now > (peakArenas[pool] ?? 0)) peakArenas[pool] = now;
  }

  function apply(events: DataView, at: number): void {
    const arena = ofSite[events.getUint32(at + EVENT.site, true)] ?? -1;
    if (arena < 0) return;
    const type = events.getUint16(at + EVENT.type, true);
    const sign = signOf(type);
    if (sign === 0) return;
    const sizeBytes = u64(events, at + EVENT.size);
    const weightBytes = events.getFloat64(at + EVENT.weight, true);
    const sampled = isSampledHeap(events.getUint16(at + EVENT.heap, true));
    if (sampled && !isWeight(weightBytes, sizeBytes)) return;
    const timeNs = u64(events, at + EVENT.timeNs);
    const address = u64(events, at + EVENT.address);

    if (sign === 1) {
      plus(allocated, arena, sampled, sizeBytes, weightBytes);
      lastAllocation[arena] = timeNs;
      lastFreed[arena] = 0;
      times.set(address, timeNs);
    } else {
      const bornNs = times.take(address);
      // A block that came while events were lost is in no sum yet.
      if (bornNs === undefined && sampled) return;
      if (type === EVENT_TYPE.backing) allocated.addSampled(arena, sizeBytes, Math.max(sizeBytes, 1) / weightBytes, -1);
      else {
        if (bornNs !== undefined && timeNs - bornNs < CHURN_NS) plus(churn, arena, sampled, sizeBytes, weightBytes);
        const other = isCarried[arena] === 1 ? current(events.getUint32(at + EVENT.tag, true)) : -1;
        if (other >= 0 && other !== arena) plus(elsewhere, arena, sampled, sizeBytes, weightBytes);
      }
    }
    const change = move(arena, timeNs, sampled, sizeBytes, weightBytes, sign);
    if (change === -1) lastFreed[arena] = timeNs;
    countHolders(arena, change);
    movePool(arena, timeNs, sampled, sizeBytes, weightBytes, sign);
  }

  return {
    add: (events) => eachEvent(events, apply),
    lose() {
      isWhole = false;
    },
    arena: (number) => ({
      live: live(number),
      peak: peak.get(number),
      allocated: allocated.get(number),
      churn: churn.get(number),
      freedElsewhere: elsewhere.get(number),
      lastAllocationNs: lastAllocation[number] ?? 0,
      lastFreedNs: lastFreed[number] ?? 0,
    }),
    pool: (number) => ({
      live: live(count + number),
      peak: peak.get(count + number),
      peakArenas: peakArenas[number] ?? 0,
      sizes: sizes[number]?.size ?? 0,
    }),
    arenaSeries: (number) => series.read(number),
    poolSeries: (number) => series.read(count + number),
  };
}

function plus(table: SumTable, at: number, sampled: boolean, sizeBytes: number, weightBytes: number): void {
  if (sampled) table.addSampled(at, sizeBytes, Math.max(sizeBytes, 1) / weightBytes);
  else table.addExact(at, sizeBytes);
}
