/**
 * How an arena was found out. The program said so: by memprof.h ('c'), `wrap` ('leaf'), on a thread of libuv's pool ('thread-pool'), in an
 * async context ('cped', 'smi', 'ring': how V8 was read), in a stack or labels of V8's sampler ('marker', 'async-marker', 'v8-labels').
 * 'rule': a recogniser. 'allocator', 'v8': nobody named one, it is a region of the allocator or of V8's heap.
 */
export const ARENA_SOURCES = [
  'c',
  'leaf',
  'thread-pool',
  'cped',
  'smi',
  'ring',
  'marker',
  'async-marker',
  'v8-labels',
  'rule',
  'allocator',
  'v8',
] as const;
export type ArenaSource = (typeof ARENA_SOURCES)[number];

/** What arenas and pools have in common. All bytes are native memory and mappings: V8 does not tell when its objects come and go. */
export interface MemoryUse {
  readonly peakBytes: number;
  /** At the end of the recording. */
  readonly liveBytes: number;
  readonly allocatedBytes: number;
  /** Lived for less than a second. */
  readonly churnBytes: number;
  /** Of `liveBytes`, what is left of released arenas. */
  readonly liveAfterReleaseBytes: number;
  /** Freed while another arena was current. */
  readonly freedElsewhereBytes: number;
  readonly doubleReleases: number;
  readonly usesAfterRelease: number;
  readonly hits: number;
  readonly misses: number;
  readonly sampling: Readonly<Record<UseBytes, Sampling>>;
}

/** What the error bar of a figure needs. */
export interface Sampling {
  /** The part of the figure that was followed exactly: the rest stands on samples. */
  readonly exactBytes: number;
  /** Squared bytes. */
  readonly variance: number;
  /** Objects that the samples stand for, and their variance. */
  readonly objects: number;
  readonly objectsVariance: number;
}

export type UseBytes =
  | 'peakBytes'
  | 'liveBytes'
  | 'allocatedBytes'
  | 'churnBytes'
  | 'liveAfterReleaseBytes'
  | 'freedElsewhereBytes';

/** The life of one arena of one process. Times are ns since the Unix epoch, 0n: it has not happened, or nobody knows. */
export interface ArenaUse extends MemoryUse {
  /** '' where the arena belongs to none. */
  readonly pool: string;
  /** '' for the bytes of a pool that belong to none of its arenas. */
  readonly arena: string;
  readonly pid: number;
  /** Of most of its bytes; absent if none was sampled. */
  readonly source?: ArenaSource;
  readonly createdNs: bigint;
  readonly releasedNs: bigint;
  readonly lastAllocationNs: bigint;
  /** When the live bytes last came to 0; 0n while some are live. */
  readonly lastFreedNs: bigint;
}

/** The arenas of one pool of one process, those in `folded` included. */
export interface PoolUse extends MemoryUse {
  readonly pool: string;
  readonly pid: number;
  /** The program made it; else a rule names it. */
  readonly isMade: boolean;
  /** 0: none. */
  readonly budgetBytes: number;
  /** Arenas ever made, or named by rules. */
  readonly arenas: number;
  /** Arenas that hold memory now, and the most that did at once. */
  readonly holdingArenas: number;
  readonly peakArenas: number;
  readonly releasedArenas: number;
  /** Of the released ones, those whose last byte went more than a second later, or is still there; and the longest such time. */
  readonly lateArenas: number;
  readonly longestHeldNs: bigint;
  /** Arenas too many to be told apart: their bytes count for the pool only. */
  readonly folded: number;
  /** Different sizes of blocks. */
  readonly sizes: number;
}
