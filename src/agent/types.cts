/** Shapes that the agent's files share, and those of @datadog/pprof's native binding, which are V8's. Types only. */

export interface Control {
  /** Whether the run wants V8 samples. */
  readonly v8: boolean;
  /** Allocations of optimized code are to be seen one by one. */
  readonly exact: boolean;
  /** V8 objects made after an await are to have their context. */
  readonly asyncLabels: boolean;
  readonly intervalBytes: number;
  /** Why memprof asks for a profile, if it has asked since the last call. Costs one pread(2). */
  takeRequest(): ProfileReason | undefined;
}

export type ProfileReason = 'exit' | 'timer' | 'demand' | 'peak' | 'near-heap-limit';

export interface LineFile {
  /** Appends a line; a write that fails (disk full) closes the file, and everything later is dropped. */
  write(type: string, fields: object): void;
}

/** The count of requests of this thread. */
export interface Requests {
  /** That many more have been answered. */
  add(count: number): void;
  /** Writes the count if it has changed. */
  flush(): void;
}

/** The watch over the garbage collections of this thread. */
export interface Collections {
  /** Calls `work`, whose collections are the profiler's, not the program's. */
  asOwn<T>(work: () => T): T;
  /** Records how large the heap is now. A few us. */
  recordHeapSize(): void;
}

/** The V8 sampler of this thread. Once it has stood down, all of these do nothing. */
export interface V8Sampler {
  readonly binding: Binding;
  /** Gives V8's sampler up for good, and says why in a warning line. */
  standDown(who: string): void;
  /** One full collection if less than `belowBytes` are used, and enough to be worth it. True if it happened. */
  collectGarbage(belowBytes: number): boolean;
  /** @param collected whether garbage was collected just before: without that, in-use includes garbage. */
  writeProfile(reason: ProfileReason, collected: boolean): void;
  /** 'near-heap-limit' once when the heap has grown past each of the shares of its limit at which a profile is due. */
  nearLimit(): 'near-heap-limit' | undefined;
}

export interface V8Node {
  readonly name: string;
  readonly scriptName: string;
  readonly scriptId: number;
  /** Where the function starts, 1-based; 0: unknown. */
  readonly lineNumber: number;
  readonly columnNumber: number;
  readonly children: readonly V8Node[];
  /** Sampled objects that are still there; `count` is V8's estimate of how many there are. */
  readonly allocations: readonly { readonly sizeBytes: number; readonly count: number }[];
}

export interface HeapProfiler {
  /** Silently does nothing if the isolate already has a sampling heap profiler. */
  startSamplingHeapProfiler(intervalBytes: number, stackDepth: number, allocations: boolean): void;
  stopSamplingHeapProfiler(): void;
  /** @throws if no sampling heap profiler runs in this isolate; else gives its profile, whoever started it. */
  getAllocationProfile(): V8Node;
}

export interface Binding {
  /** Where it was loaded from, links resolved. */
  readonly file: string;
  readonly exports: object;
  readonly heapProfiler: HeapProfiler;
}

/** Calls `call(a, b, c)` in a frame that names a context: markers.cts. */
export type Marker = <A, B, C, T>(call: (a: A, b: B, c: C) => T, a: A, b: B, c: C) => T;

/** A context with what it is entered by. */
export interface Entered {
  readonly context: number;
  readonly marker: Marker | undefined;
}

/** Where tags get their numbers. 0: there is no room. The native sampler's is shared by all threads. */
export interface TagTable {
  definePool(name: string, budgetBytes: number): number;
  defineArena(pool: number): number;
  defineStage(name: string): number;
  defineLabels(text: string): number;
  /** The context of the arena or pool, the stage and the labels, each 0 where there is none. */
  defineContext(arena: number, stage: number, labels: number): number;
  releaseArena(arena: number): void;
  /** The number that an arena got within its pool; of a pool, the last one. */
  ordinalOf(tag: number): number;
  count(tag: number, counter: number, by: number): void;
}
