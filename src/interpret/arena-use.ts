import type { ArenaUse, MemoryUse, PoolUse, Sampling, UseBytes } from '../model/arenas.js';
import type { ArenaEntry, PoolEntry } from './arena-catalogue.js';
import type { PoolTally, Tally } from './arena-events.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';
import { addSums, NO_SUM, type Sum } from './sums.js';
import type { TagRecord } from './tables.js';

/** A gap between release and the last free that is worth telling. */
const LATE_NS = 1_000_000_000n;

/** What the tables say of an arena where events are missing. */
export interface Totals {
  readonly live: Sum;
  readonly allocated: Sum;
}

export function arenaUse(
  recording: ProcessRecording,
  { pool, arena, source, tag }: ArenaEntry,
  tally: Tally,
  totals: Totals = tally,
): ArenaUse {
  const unix = (monotonicNs: bigint): bigint => (monotonicNs === 0n ? 0n : toUnixNs(recording, monotonicNs));
  const isReleased = tag !== undefined && tag.releasedNs > 0n;
  const isEmpty = totals.live.bytes === 0;
  return {
    pool,
    arena,
    pid: recording.identity.pid,
    ...(source !== undefined && { source }),
    createdNs: unix(tag?.createdNs ?? 0n),
    releasedNs: unix(tag?.releasedNs ?? 0n),
    lastAllocationNs: unix(BigInt(tally.lastAllocationNs)),
    lastFreedNs: isEmpty ? unix(BigInt(tally.lastFreedNs)) : 0n,
    ...estimates({
      peakBytes: tally.peak.bytes < totals.live.bytes ? totals.live : tally.peak,
      liveBytes: totals.live,
      allocatedBytes: totals.allocated,
      churnBytes: tally.churn,
      liveAfterReleaseBytes: isReleased ? totals.live : NO_SUM,
      freedElsewhereBytes: tally.freedElsewhere,
    }),
    ...countersOf(tag),
  };
}

/** @param arenas those of the pool. */
export function poolUse(
  pid: number,
  { pool, tag }: PoolEntry,
  tally: PoolTally,
  arenas: readonly ArenaUse[],
  endedAtNs: bigint,
): PoolUse {
  const sum = (field: UseBytes): Sum =>
    arenas.reduce<Sum>((all, arena) => addSums(all, { bytes: arena[field], ...arena.sampling[field] }), NO_SUM);
  const held = arenas.map((arena) => heldNs(arena, endedAtNs));
  const own = countersOf(tag);
  const count = (field: keyof typeof own): number => arenas.reduce((total, arena) => total + arena[field], own[field]);
  const live = sum('liveBytes');
  const named = arenas.filter(({ arena }) => arena !== '');
  return {
    pool,
    pid,
    isMade: tag !== undefined,
    budgetBytes: tag?.budgetBytes ?? 0,
    arenas: Math.max(tag?.ordinal ?? 0, named.length),
    holdingArenas: named.filter(({ liveBytes }) => liveBytes > 0).length,
    peakArenas: tally.peakArenas,
    releasedArenas: named.filter(({ releasedNs }) => releasedNs > 0n).length,
    lateArenas: held.filter((ns) => ns > LATE_NS).length,
    longestHeldNs: held.reduce(later, 0n),
    folded: tag?.folded ?? 0,
    sizes: tally.sizes,
    ...estimates({
      peakBytes: tally.peak.bytes < live.bytes ? live : tally.peak,
      liveBytes: live,
      allocatedBytes: sum('allocatedBytes'),
      churnBytes: sum('churnBytes'),
      liveAfterReleaseBytes: sum('liveAfterReleaseBytes'),
      freedElsewhereBytes: sum('freedElsewhereBytes'),
    }),
    hits: count('hits'),
    misses: count('misses'),
    doubleReleases: count('doubleReleases'),
    usesAfterRelease: count('usesAfterRelease'),
  };
}

/** How long memory stayed after its arena was released, up to the end. */
function heldNs({ releasedNs, liveBytes, lastFreedNs }: ArenaUse, endedAtNs: bigint): bigint {
  if (releasedNs === 0n) return 0n;
  const until = liveBytes > 0 ? endedAtNs : lastFreedNs;
  return until > releasedNs ? until - releasedNs : 0n;
}

function estimates(sums: Readonly<Record<UseBytes, Sum>>): Pick<MemoryUse, UseBytes | 'sampling'> {
  const { peakBytes, liveBytes, allocatedBytes, churnBytes, liveAfterReleaseBytes, freedElsewhereBytes } = sums;
  return {
    peakBytes: peakBytes.bytes,
    liveBytes: liveBytes.bytes,
    allocatedBytes: allocatedBytes.bytes,
    churnBytes: churnBytes.bytes,
    liveAfterReleaseBytes: liveAfterReleaseBytes.bytes,
    freedElsewhereBytes: freedElsewhereBytes.bytes,
    sampling: {
      peakBytes: samplingOf(peakBytes),
      liveBytes: samplingOf(liveBytes),
      allocatedBytes: samplingOf(allocatedBytes),
      churnBytes: samplingOf(churnBytes),
      liveAfterReleaseBytes: samplingOf(liveAfterReleaseBytes),
      freedElsewhereBytes: samplingOf(freedElsewhereBytes),
    },
  };
}

/** Most sums of most arenas are nothing: those share one object. */
const NO_SAMPLING = samplingOf({ ...NO_SUM, bytes: 1 });

function samplingOf({ bytes, exactBytes, variance, objects, objectsVariance }: Sum): Sampling {
  return bytes === 0 && objects === 0 ? NO_SAMPLING : { exactBytes, variance, objects, objectsVariance };
}

type Counters = Pick<MemoryUse, 'hits' | 'misses' | 'doubleReleases' | 'usesAfterRelease'>;

function countersOf(tag: TagRecord | undefined): Counters {
  return {
    hits: tag?.hits ?? 0,
    misses: tag?.misses ?? 0,
    doubleReleases: tag?.doubleReleases ?? 0,
    usesAfterRelease: tag?.usesAfterRelease ?? 0,
  };
}

function later(a: bigint, b: bigint): bigint {
  return a < b ? b : a;
}
