import type { MemoryUse, UseBytes } from '../model/arenas.js';
import type { Profile } from '../model/profile.js';
import type { Estimate, SummaryArena, SummaryPool } from '../schema/summary.js';
import type { Arena, Pool } from './arenas.js';
import type { Group } from './group.js';
import { intervals } from './interval.js';
import { row } from './row.js';
import { unseenBytes } from './unseen.js';

const ZERO: Estimate = { kind: 'measured', value: 0, low: 0, high: 0 };

/** A group's columns; nothing where no sample is in it. */
export function columnsOf(group: Group | undefined): Pick<SummaryArena, 'inuse_space' | 'alloc_space' | 'share'> {
  if (group === undefined) return { inuse_space: ZERO, alloc_space: ZERO, share: 0 };
  const { inuse_space, alloc_space, share } = row(group);
  return { inuse_space, alloc_space, share };
}

export function arenaRow({ pool, arena, pid, group, life }: Arena, estimate: Estimator): SummaryArena {
  return {
    pool,
    arena,
    pid,
    ...columnsOf(group),
    ...(life && {
      life: {
        ...(life.source && { source: life.source }),
        createdNs: time(life.createdNs),
        releasedNs: time(life.releasedNs),
        lastAllocationNs: time(life.lastAllocationNs),
        lastFreedNs: time(life.lastFreedNs),
        ...useOf(life, estimate),
      },
    }),
  };
}

const time = (ns: bigint): string | null => (ns === 0n ? null : ns.toString());

export function poolRow({ pool, pid, group, life }: Pool, estimate: Estimator): SummaryPool {
  return {
    pool,
    pid,
    ...columnsOf(group),
    ...(life && {
      life: {
        made: life.isMade,
        budgetBytes: life.budgetBytes,
        arenas: life.arenas,
        holdingArenas: life.holdingArenas,
        peakArenas: life.peakArenas,
        releasedArenas: life.releasedArenas,
        lateArenas: life.lateArenas,
        longestHeldNs: life.longestHeldNs.toString(),
        folded: life.folded,
        sizes: life.sizes,
        ...useOf(life, estimate),
      },
    }),
  };
}

export type Estimator = (use: MemoryUse, field: UseBytes) => Estimate;

/** Small objects of which none was sampled may be in any figure of memory that is sampled at all. */
export function estimator(profile: Profile): Estimator {
  const unseen = unseenBytes(profile)(new Set(['native']));
  return (use, field) => {
    const value = use[field];
    const { exactBytes, variance, objects, objectsVariance } = use.sampling[field];
    const isSampled = use.sampling.allocatedBytes.objects > 0 && (field !== 'liveAfterReleaseBytes' || value > 0);
    const { low, high } = intervals({
      objects,
      bytes: value - exactBytes,
      objectsVariance,
      bytesVariance: variance,
      unseenBytes: isSampled ? unseen : 0,
    }).bytes;
    return {
      kind: isSampled ? 'estimated' : 'measured',
      value: Math.round(value),
      low: Math.round(exactBytes + low),
      high: Math.round(exactBytes + high),
    };
  };
}

function useOf(use: MemoryUse, estimate: Estimator) {
  return {
    peakBytes: estimate(use, 'peakBytes'),
    liveBytes: estimate(use, 'liveBytes'),
    allocatedBytes: estimate(use, 'allocatedBytes'),
    churnBytes: estimate(use, 'churnBytes'),
    liveAfterReleaseBytes: estimate(use, 'liveAfterReleaseBytes'),
    freedElsewhereBytes: estimate(use, 'freedElsewhereBytes'),
    hits: use.hits,
    misses: use.misses,
    doubleReleases: use.doubleReleases,
    usesAfterRelease: use.usesAfterRelease,
  };
}
