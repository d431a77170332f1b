/**
 * The profile: what every analysis takes and every report writes. The words are pprof's
 * (https://github.com/google/pprof/blob/main/proto/profile.proto); heap, arena and tier are heapprofd's and ours.
 *
 * A profile is built once (`ProfileBuilder`), then read only: analyses return new profiles.
 */

import type { ArenaSource, ArenaUse, PoolUse } from './arenas.js';
import type { LedgerInputs } from './ledger.js';
import type { GcPause, GcUse, Mark } from './moments.js';

/** What a column of `Sample.values` counts, e.g. `{ type: 'inuse_space', unit: 'bytes' }`. */
export interface ValueType {
  readonly type: 'alloc_objects' | 'alloc_space' | 'inuse_objects' | 'inuse_space';
  readonly unit: 'count' | 'bytes';
}

/** The four columns, in Go's names and order; readers default to the last. */
export const SAMPLE_TYPES = [
  { type: 'alloc_objects', unit: 'count' },
  { type: 'alloc_space', unit: 'bytes' },
  { type: 'inuse_objects', unit: 'count' },
  { type: 'inuse_space', unit: 'bytes' },
] as const satisfies readonly ValueType[];

/** Index of a sample type in `Sample.values`. */
export const ALLOC_OBJECTS = 0;
export const ALLOC_SPACE = 1;
export const INUSE_OBJECTS = 2;
export const INUSE_SPACE = 3;

/** One number per sample type. */
export type Values = readonly [
  allocObjects: number,
  allocSpaceBytes: number,
  inuseObjects: number,
  inuseSpaceBytes: number,
];

/** A loaded binary. `start`, `limit` and `fileOffset` are run-time addresses and a file offset, in bytes. */
export interface Mapping {
  readonly id: number;
  readonly start: bigint;
  readonly limit: bigint;
  readonly fileOffset: bigint;
  readonly file: string;
  /** GNU build id in hex, or '' where there is none. */
  readonly buildId: string;
  readonly hasFunctions: boolean;
}

/** `systemName` is the name as the binary has it (mangled); `startLine` 0 where unknown. */
export interface FunctionInfo {
  readonly id: number;
  readonly name: string;
  readonly systemName: string;
  readonly file: string;
  readonly startLine: number;
}

/** `line` and `column` are 1-based; 0 where unknown. */
export interface Line {
  readonly functionId: number;
  readonly line: number;
  readonly column: number;
}

/** What kind of code a location is. 'runtime': V8 builtins and JIT code that decoded to no function. 'synthetic': made by us. */
export type LocationKind = 'native' | 'js' | 'runtime' | 'synthetic';

/** A program counter or a JavaScript position. Several lines mean inlining, the innermost first. */
export interface Location {
  readonly id: number;
  /** 0 for JavaScript and synthetic locations. */
  readonly mappingId: number;
  readonly address: bigint;
  readonly lines: readonly Line[];
  readonly kind: LocationKind;
  /** The call is near this line, not surely on it. Absent where the line is exact or unknown. */
  readonly approximate?: true;
}

/** Who owns the memory of a heap. */
export type Tier = 'host' | 'host-pinned' | 'device';

/**
 * `heap`: memory of one allocator: 'v8', 'libc.malloc', 'mmap', 'mmap.file', 'wasm', later 'cuda.*'.
 * `arena`: what the program or a rule names ('kv-cache#3'), else a region within the heap ('glibc#0', 'v8:pages').
 * `pool`: named group of arenas.
 */
export interface Labels {
  readonly heap: string;
  readonly arena?: string;
  readonly pool?: string;
  readonly tier: Tier;
  readonly stage?: string;
  /** Labels of the program's own, sorted: 'model=small,tenant=acme'. */
  readonly label?: string;
  /** Name and id, e.g. 'main', 'worker 3', 'tid 4711'. */
  readonly thread?: string;
  readonly pid: number;
  /** How `arena` was found out. */
  readonly arena_source?: ArenaSource;
}

/**
 * One call path with labels. `stack` holds location ids, the leaf first. `variances` belongs to `values`, in squared units;
 * 0 means exact. A value that nobody could know (V8 allocation totals before Node 26) is 0 and named in `Profile.unknown`.
 */
export interface Sample {
  readonly stack: readonly number[];
  readonly values: Values;
  readonly variances: Values;
  readonly labels: Labels;
  /** Samples that the estimate rests on; exact values have 0. */
  readonly observations: number;
}

/**
 * A time series without stacks. Times are ns since the Unix epoch.
 *
 * Bytes: `rss`, `anonymous`, `malloc_live_estimate`, `mmap_committed`, `swap`, `huge_pages`, `page_tables`, `numa_<node>`, `v8_used` and `v8_total` (of one
 * isolate: `thread` says whose), `live` (of one arena or pool, which is named; a value holds until the next), `cgroup_usage`, `cgroup_limit`.
 * Counts since the process started: `minor_faults`, `major_faults`, `requests` (answered, or told by `iteration()`). Time since the first point during which some, or all, tasks waited
 * for memory: `psi_some`, `psi_full` of the system, `cgroup_psi_some`, `cgroup_psi_full` of the process's control group.
 */
export interface Gauge {
  readonly name: string;
  readonly unit: 'bytes' | 'count' | 'nanoseconds';
  /** Of `cgroup_*` and `psi_*` a process that is in it. */
  readonly pid: number;
  readonly thread?: string;
  readonly arena?: string;
  readonly pool?: string;
  readonly points: readonly { readonly timeNs: bigint; readonly value: number }[];
}

/** Which moment the in-use columns show. */
export type Moment = 'end' | 'peak' | 'timer' | 'demand';

/** One process that took part. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parentPid: number;
  /** Short name of the program, e.g. 'node'. Never arguments. */
  readonly name: string;
  readonly nodeVersion?: string;
  readonly v8Version?: string;
  readonly allocator: string;
  readonly libc: string;
  readonly forked: boolean;
  /** Mean gap between native samples at the start and at the end, bytes; 0 without native samples. */
  readonly nativeMeanBytes: number;
  readonly nativeMeanAtEndBytes: number;
  readonly v8IntervalBytes: number;
  /** Memory in the process that is the native sampler's own, at most; absent where not known. */
  readonly samplerBytes?: number;
  /** Counters of wire.h by name: what was dropped, truncated, unknown. */
  readonly counters: Readonly<Record<string, number>>;
  /** Peak of the estimated live bytes plus committed mappings, and when. */
  readonly peakBytes: number;
  readonly peakTimeNs: bigint;
}

/** A line for people about something that is missing or less exact than it could be. */
export interface Notice {
  readonly code: string;
  readonly message: string;
  /** Absent where it is about the whole, or came from several processes. */
  readonly pid?: number;
  /** How often it came; absent for once. */
  readonly count?: number;
}

export interface Profile {
  readonly sampleTypes: typeof SAMPLE_TYPES;
  readonly samples: readonly Sample[];
  readonly locations: ReadonlyMap<number, Location>;
  readonly functions: ReadonlyMap<number, FunctionInfo>;
  readonly mappings: readonly Mapping[];
  readonly gauges: readonly Gauge[];
  /** By time within a process. Empty where nobody watched, and in profiles that were read from pprof files. So are the two after it. */
  readonly pauses: readonly GcPause[];
  readonly collections: readonly GcUse[];
  readonly marks: readonly Mark[];
  /** Of each process that was read, at the highest RSS and at the end. Empty in profiles that were read from pprof files. */
  readonly ledgers: readonly LedgerInputs[];
  /** Empty where nobody named an arena, and in profiles that were read from pprof files. */
  readonly arenas: readonly ArenaUse[];
  readonly pools: readonly PoolUse[];
  readonly processes: readonly ProcessInfo[];
  readonly moment: Moment;
  readonly startedAtNs: bigint;
  readonly durationNs: bigint;
  /** Mean gap between samples, bytes: pprof's period. */
  readonly periodBytes: number;
  /** Columns that could not be known, per heap. */
  readonly unknown: readonly { readonly heap: string; readonly types: readonly ValueType['type'][] }[];
  readonly notices: readonly Notice[];
}
