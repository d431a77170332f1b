import type { ArenaUse, MemoryUse, PoolUse, Sampling } from '../../src/model/arenas.ts';

const EXACT: Sampling = { exactBytes: 0, variance: 0, objects: 0, objectsVariance: 0 };

const NOTHING: MemoryUse = {
  peakBytes: 0,
  liveBytes: 0,
  allocatedBytes: 0,
  churnBytes: 0,
  liveAfterReleaseBytes: 0,
  freedElsewhereBytes: 0,
  hits: 0,
  misses: 0,
  doubleReleases: 0,
  usesAfterRelease: 0,
  sampling: {
    peakBytes: EXACT,
    liveBytes: EXACT,
    allocatedBytes: EXACT,
    churnBytes: EXACT,
    liveAfterReleaseBytes: EXACT,
    freedElsewhereBytes: EXACT,
  },
};

/** All figures stand on samples: `objects` of `sizeBytes` each, sampled with the probability `p`. */
export function sampledUse(objects: number, sizeBytes: number, p: number): MemoryUse['sampling'] {
  const objectsVariance = (objects * (1 - p)) / p;
  const one = { exactBytes: 0, variance: objectsVariance * sizeBytes ** 2, objects, objectsVariance };
  return { ...NOTHING.sampling, allocatedBytes: one, peakBytes: one, churnBytes: one };
}

/** The life of `pool#number`, of which nothing is known but what is given. */
export function arenaUse(pool: string, number: number, fields: Partial<ArenaUse> = {}): ArenaUse {
  return {
    pool,
    arena: `${pool}#${number}`,
    pid: 4711,
    source: 'cped',
    createdNs: 0n,
    releasedNs: 0n,
    lastAllocationNs: 0n,
    lastFreedNs: 0n,
    ...NOTHING,
    ...fields,
  };
}

export function poolUse(pool: string, fields: Partial<PoolUse> = {}): PoolUse {
  return {
    pool,
    pid: 4711,
    isMade: true,
    budgetBytes: 0,
    arenas: 0,
    holdingArenas: 0,
    peakArenas: 0,
    releasedArenas: 0,
    lateArenas: 0,
    longestHeldNs: 0n,
    folded: 0,
    sizes: 0,
    ...NOTHING,
    ...fields,
  };
}
