/**
 * A ledger reading: what the kernel says of each mapping of a process at one moment, and what malloc's own records say of its
 * heaps. The payload of a LEDGER chunk, as JSON; docs/reference/recording.md. Sizes are bytes, addresses plain numbers (48 bits).
 */
/** A new high of RSS, time, the end, or asked for from outside. */
export const LEDGER_REASONS = ['peak', 'timer', 'end', 'outside'] as const;
export type LedgerReason = (typeof LEDGER_REASONS)[number];

export interface LedgerReading {
  readonly reason: LedgerReason;
  /** CLOCK_MONOTONIC, decimal. */
  readonly timeNs: string;
  readonly pid: number;
  /** Short name of the program. */
  readonly name: string;
  /** How long the reading took, and how often it was begun again since memory moved meanwhile. */
  readonly durationNs: number;
  /** Of that, for malloc's records. */
  readonly mallocNs: number;
  readonly retries: number;
  /** Of statm, just before and just after. */
  readonly rssBeforeBytes: number;
  readonly rssAfterBytes: number;
  /** Sum of Pss over all regions: each page divided by the number of processes that have it. */
  readonly pssBytes: number;
  readonly status: StatusSizes;
  /** Paths of mapped files; a region has an index into it. */
  readonly paths: readonly string[];
  /** Of the program's own binary; -1 where not known. */
  readonly executable: number;
  readonly regions: readonly RegionRow[];
  /** Resident parts of regions that several owners share, by address; a region without any belongs to one owner. */
  readonly pieces: readonly PieceRow[];
  /** glibc's heaps, walked; absent where memory may not be read. */
  readonly heaps?: readonly HeapWalk[];
  /** Of glibc's, those whose records were found: without, blocks in fast bins count as live. */
  readonly arenas?: readonly ArenaRow[];
  /** What could not be read: codes of `UNSEEN`. */
  readonly unseen: readonly UnseenCode[];
}

/** Of `/proc/PID/status`. */
export interface StatusSizes {
  readonly rssBytes: number;
  readonly highWaterBytes: number;
  readonly swapBytes: number;
  readonly pageTableBytes: number;
  readonly hugetlbBytes: number;
  readonly threads: number;
}

/** `flags` are those of VmFlags that tell owners apart, and of the permissions: `REGION_FLAG`. `path`: -1 for none. */
export type RegionRow = readonly [
  start: number,
  bytes: number,
  flags: number,
  path: number,
  rssBytes: number,
  anonymousBytes: number,
  swapBytes: number,
  hugePageBytes: number,
];

export const REGION_FLAG = {
  read: 1,
  write: 2,
  execute: 4,
  shared: 8,
  /** VmFlags dc: not copied at fork. V8 asks for that, for all that it maps. */
  dontFork: 16,
  /** nh: no huge pages. Kernels since 6.7 set it on thread stacks. */
  noHugePage: 32,
  /** nr: no swap space is reserved. */
  noReserve: 64,
  /** dd: not in core files. */
  dontDump: 128,
  /** ht: of hugetlbfs; its pages are not in RSS. */
  hugetlb: 256,
} as const;

/** What a piece was found to be: a chunk that malloc mapped on its own, a heap of malloc's, a block of Abseil's. */
export const PIECE_KINDS = ['chunk', 'heap', 'abseil'] as const;
export type PieceRow = readonly [start: number, bytes: number, kind: number, rssBytes: number];

/** `address` as in `HeapWalk.arena`, and how many threads allocate from it. */
export type ArenaRow = readonly [address: number, threads: number];

/** One heap of glibc's, chunk by chunk. Resident bytes. */
export interface HeapWalk {
  readonly start: number;
  /** Readable and writable, resident or not. */
  readonly bytes: number;
  /** The arena's address; 0: the main arena. */
  readonly arena: number;
  /** Cached blocks included. */
  readonly liveBytes: number;
  readonly liveChunks: number;
  readonly freeBytes: number;
  /** Of that, whole pages that hold nothing else: malloc_trim(3) gives them back. */
  readonly freePageBytes: number;
  /** The end of the heap, that no block had yet or any more; and of that whole pages. */
  readonly topBytes: number;
  readonly topPageBytes: number;
  /** Blocks of any heap that the caches of threads hold, of which the lists are in this heap: free, though their chunks look live. */
  readonly cachedBytes: number;
  /** Bytes of chunks that hold memory nobody has touched: in use, and not resident. */
  readonly untouchedBytes: number;
  /** Resident, and not reached: the walk met a chunk that moved or made no sense. */
  readonly unreachedBytes: number;
}

export const UNSEEN = {
  memory: 'the memory of the process may not be read (ptrace): heaps are told by their shape, live and free not apart',
  pagemap: 'its page map may not be read: mappings with several owners are split in proportion',
  v8: 'V8 was not asked (no injection): how much of its pages is in use is not known',
  walkLimit: 'its malloc heaps are too large to be walked in the time allowed: live and free not apart',
  walkRate: 'its malloc heaps were not walked this time, for it costs too much to do so often: live and free not apart',
  flags:
    'a mapping is so large that smaps would hold the program up: sizes are of its page map, flags of an earlier reading, huge pages not told apart',
  ended: 'the program was gone before malloc’s heaps were read: live and free not apart',
} as const;
export type UnseenCode = keyof typeof UNSEEN;
