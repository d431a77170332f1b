import type { ArenaUse, MemoryUse, PoolUse, UseBytes } from '../model/arenas.js';
import type { ArenaEntry, PoolEntry } from './arena-catalogue.js';
import type { PoolTally, Sum, Tally } from './arena-events.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';
import type { TagRecord } from './tables.js';

/** A gap between release and the last free that is worth telling. */
const LATE_NS = 1_000_000_000n;

/** What the tables say of an arena where events are missing. */
export interface Totals {
  readonly live: Sum;
  readonly allocated: Sum;
  readonly observations: number;
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
      liveAfterReleaseBytes: isReleased ? totals.live : NOTHING,
      freedElsewhereBytes: tally.freedElsewhere,
    }),
    ...countersOf(tag),
    observations: totals.observations,
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
    arenas.reduce<Sum>(
      ({ bytes, variance }, arena) => ({ bytes: bytes + arena[field], variance: variance + arena.variances[field] }),
      NOTHING,
    );
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
    observations: arenas.reduce((total, { observations }) => total + observations, 0),
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

const NOTHING: Sum = { bytes: 0, variance: 0 };

function estimates(sums: Readonly<Record<UseBytes, Sum>>): Pick<MemoryUse, UseBytes | 'variances'> {
  const { peakBytes, liveBytes, allocatedBytes, churnBytes, liveAfterReleaseBytes, freedElsewhereBytes } = sums;
  return {
    peakBytes: peakBytes.bytes,
    liveBytes: liveBytes.bytes,
    allocatedBytes: allocatedBytes.bytes,
    churnBytes: churnBytes.bytes,
    liveAfterReleaseBytes: liveAfterReleaseBytes.bytes,
    freedElsewhereBytes: freedElsewhereBytes.bytes,
    variances: {
      peakBytes: peakBytes.variance,
      liveBytes: liveBytes.variance,
      allocatedBytes: allocatedBytes.variance,
      churnBytes: churnBytes.variance,
      liveAfterReleaseBytes: liveAfterReleaseBytes.variance,
      freedElsewhereBytes: freedElsewhereBytes.variance,
    },
  };
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
