/** The ledger: where the resident memory of one process is, at one moment. All sizes are bytes. */

/** How a figure was had. 'unknown': nobody could tell, the bytes are there. */
export type Certainty = 'measured' | 'estimated' | 'unknown';

/** Whose memory a part is. The keys are the names of the lines in `ledger.json`. */
export const LEDGER_LINES = {
  binaries: 'binaries and libraries, clean pages',
  models: 'model files, mapped',
  files: 'other mapped files',
  private: 'private copies of file pages (data, relocated)',
  loader: "the dynamic loader's own",
  bss: 'zeroed data of binaries (bss)',
  malloc: 'malloc heaps',
  mallocMapped: 'malloc, blocks mapped on their own',
  allocator: 'heaps of another allocator',
  v8Heap: 'V8 heap pages',
  v8Code: 'V8 code range',
  v8Other: 'V8 pointer tables and other mappings of its own',
  wasmMemory: 'WebAssembly memory',
  wasmCode: 'WebAssembly code',
  mapped: 'mapped by the program (mmap)',
  stacks: 'thread stacks',
  shared: 'shared memory: shm, memfd, SysV',
  ioUring: 'io_uring',
  devices: 'device mappings',
  kernel: 'vdso and vvar',
  profiler: "the profiler's own",
} as const;
export type LedgerLineName = keyof typeof LEDGER_LINES;

/** One part of the resident memory, as it was told apart: mappings, or pieces of them, of one kind. */
export interface LedgerPart {
  readonly line: LedgerLineName | 'unknown';
  readonly bytes: number;
  readonly certainty: Certainty;
  /** How far `bytes` may be off; 0 where measured. */
  readonly errorBytes: number;
  /** How it was told. */
  readonly source: string;
  /** A file, an arena: what the line can be split by. */
  readonly detail?: string;
}

/** What malloc's own records say of its heaps: resident bytes. */
export interface MallocUse {
  readonly liveBytes: number;
  readonly freeBytes: number;
  readonly topBytes: number;
  readonly cachedBytes: number;
  readonly unreachedBytes: number;
  readonly untouchedBytes: number;
  readonly liveChunks: number;
}

/** One arena of glibc's: resident bytes, but for its size. */
export interface MallocArena {
  /** `main`, or its place among the others by address. */
  readonly name: string;
  /** Threads that allocate from it; undefined where its record was not found. */
  readonly threads?: number;
  readonly heaps: number;
  /** Readable and writable, resident or not. */
  readonly sizeBytes: number;
  readonly liveBytes: number;
  /** Of live: lists of freed blocks that threads keep, blocks of any arena. */
  readonly cachedBytes: number;
  /** Free in whole pages; free in pages that hold live blocks as well. */
  readonly freePageBytes: number;
  readonly fragmentBytes: number;
  /** The ends of its heaps, and of that whole pages. */
  readonly topBytes: number;
  readonly topPageBytes: number;
  readonly unreachedBytes: number;
}

/** A figure of an allocator's, with how it was had. */
export interface AllocatorFigure {
  readonly name: string;
  readonly title: string;
  readonly bytes: number;
  readonly certainty: Certainty;
  readonly source: string;
}

/** What an allocator said of itself, in its own words, bytes; how far from the reading that was. */
export interface AllocatorStatement {
  readonly name: string;
  readonly ageNs: bigint;
  readonly bytes: ReadonlyMap<string, number>;
}

/** What is known of one allocator. */
export interface AllocatorUse {
  readonly name: string;
  readonly arenas: readonly MallocArena[];
  readonly figures: readonly AllocatorFigure[];
}

/** Memory by what it is for; '' where nobody said so. */
export interface LedgerOwner {
  readonly pool: string;
  readonly arena: string;
  readonly bytes: number;
}

export interface SampledOwner extends LedgerOwner {
  readonly bytesVariance: number;
}

/** `time`: the reading nearest to a time. */
export type LedgerMoment = 'peak' | 'end' | 'time' | 'now';

/** Everything that a ledger is made from. */
export interface LedgerInputs {
  readonly pid: number;
  readonly name: string;
  readonly moment: LedgerMoment;
  /** Since the Unix epoch. */
  readonly timeNs: bigint;
  /** Since the start of the run; absent outside of one. */
  readonly sinceStartNs?: number;
  /** Of an end that was not read: how long before it the last reading was. */
  readonly beforeEndNs?: number;
  readonly durationNs: number;
  readonly retries: number;
  readonly parts: readonly LedgerPart[];
  /** Sum of Rss over all mappings, and of Pss: each page divided by the number of those who have it. */
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly rssBeforeBytes: number;
  readonly rssAfterBytes: number;
  readonly statusRssBytes: number;
  readonly highWaterBytes: number;
  readonly mallocUse?: MallocUse;
  readonly mallocArenas?: readonly MallocArena[];
  readonly allocatorStatement?: AllocatorStatement;
  /** The sampler's estimate of what malloc has handed out and not got back, with its standard deviation. */
  readonly sampledLive?: { readonly bytes: number; readonly deviationBytes: number };
  /** Of blocks that malloc mapped on their own, what is not resident: samples count it, and no line does. */
  readonly mappedAbsentBytes?: number;
  /** The sampler's estimates of what is live in malloc's heaps, by what it is for. */
  readonly liveOwners?: readonly SampledOwner[];
  /** Resident bytes of the blocks that malloc mapped on their own, by what they are for. */
  readonly mappedOwners?: readonly LedgerOwner[];
  /** Used bytes of V8's heaps, over all isolates that said so. */
  readonly v8Use?: {
    readonly usedBytes: number;
    /** By how much it may have changed in that time. */
    readonly errorBytes: number;
    readonly isolates: number;
    /** Of the oldest one, before or after the reading. */
    readonly ageNs: bigint;
  };
  readonly apart: readonly ApartLine[];
  readonly unseen: readonly string[];
}

/** Memory that is not in RSS. */
export interface ApartLine {
  readonly name: string;
  readonly bytes: number;
  readonly certainty: Certainty;
}

/** Parts of lines: of malloc, of V8, by what memory is for, by file or name. */
export type LedgerPartName =
  | 'live'
  | 'retained'
  | 'undivided'
  | 'used'
  | 'rest'
  | 'pool'
  | 'arena'
  | 'unnamed'
  | 'other';

export interface LedgerLine {
  readonly name: LedgerLineName | 'residual' | LedgerPartName;
  readonly title: string;
  readonly bytes: number;
  readonly certainty: Certainty;
  readonly errorBytes: number;
  readonly source: string;
  /** Their sum is `bytes`. */
  readonly parts: readonly LedgerLine[];
}

/** Something about the ledger that was tested. */
export interface LedgerCheck {
  readonly name: string;
  readonly isPassed: boolean;
  /** The line that cannot be trusted if it failed, and why. */
  readonly message: string;
}

export interface Ledger {
  readonly pid: number;
  readonly name: string;
  readonly moment: LedgerMoment;
  /** Since the start of the run; absent outside of one. */
  readonly sinceStartNs?: number;
  readonly rssBytes: number;
  /** With each page divided by the number of processes that have it: of several processes only these may be added up. */
  readonly pssBytes: number;
  readonly durationNs: number;
  readonly retries: number;
  /** The last one is the residual. Their sum is `rssBytes`, exactly. */
  readonly lines: readonly LedgerLine[];
  /** Signed: mappings that nobody is known to own, plus what the parts disagree with the kernel's sum. */
  readonly residualBytes: number;
  /** Signed: what live and retained may be off, together; undefined where they are not told apart. */
  readonly splitErrorBytes?: number;
  readonly splitErrorSource?: string;
  /** By which RSS moved while it was read, signed. */
  readonly skewBytes: number;
  readonly highWaterBytes: number;
  readonly allocators: readonly AllocatorUse[];
  readonly apart: readonly ApartLine[];
  readonly checks: readonly LedgerCheck[];
  readonly unseen: readonly string[];
}
