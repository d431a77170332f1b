/**
 * The layout of the store, as `native/src/wire.h` draws it. Offsets are bytes; everything is little endian.
 * test/recording/wire.test.ts compares every number here with what the C compiler says.
 */

export const WIRE_MAGIC = 0x31464f52504d454dn; // "MEMPROF1"
export const WIRE_VERSION = 2;
export const HEADER_BYTES = 4096;

export const HEADER = {
  magic: 0,
  version: 8,
  headerBytes: 12,
  pid: 16,
  parentPid: 20,
  execOrdinal: 24,
  forked: 28,
  arch: 32,
  libc: 33,
  allocator: 34,
  v8State: 35,
  pageBytes: 36,
  startedMonoNs: 40,
  startedUnixNs: 48,
  meanBytes: 56,
  currentMeanBytes: 64,
  frozenAtNs: 72,
  mapGeneration: 80,
  v8Major: 88,
  v8Minor: 90,
  v8Build: 92,
  liveBytes: 96,
  committedBytes: 104,
  fileBytes: 112,
  comm: 120,
  ownBytes: 136,
  counters: 256,
  regions: 512,
} as const;

export const COMM_BYTES = 16;

/** `enum mp_counter`, in order. */
export const COUNTERS = [
  'alloc_samples',
  'free_samples',
  'map_events',
  'dropped_live',
  'dropped_sites',
  'dropped_mappings',
  'dropped_nested',
  'dropped_growth',
  'truncated_stacks',
  'broken_stacks',
  'unknown_js_frames',
  'approx_js_lines',
  'mean_raises',
  'sample_ns',
  'dropped_tags',
] as const;

/** `enum mp_region_id`, in order. */
export const REGIONS = [
  'strings',
  'modules',
  'functions',
  'nodes',
  'sites',
  'live',
  'mappings',
  'tags',
  'ring',
] as const;
export type RegionName = (typeof REGIONS)[number];

export const REGION = { bytes: 32, offset: 0, capacity: 8, recordBytes: 16, used: 24 } as const;

export const MODULE = {
  bytes: 64,
  start: 0,
  end: 8,
  bias: 16,
  path: 24,
  firstGeneration: 28,
  buildIdBytes: 32,
  isMain: 36,
  buildId: 40,
} as const;

export const FUNCTION = { bytes: 32, name: 0, script: 4, scriptId: 8, start: 12, end: 16, flags: 20 } as const;
export const FUNCTION_WASM = 1;
export const FUNCTION_NO_SOURCE = 2;

export const NODE = { bytes: 16, frame: 0, parent: 8, depth: 12 } as const;

export const FRAME_JS = 1n << 63n;
export const FRAME_JS_APPROX = 1n << 62n;
export const FRAME_JS_INLINED = 1n << 61n;
export const FRAME_V8_CODE = 1n << 62n;
export const FRAME_GENERATION_SHIFT = 48n;
export const FRAME_GENERATION_MASK = (1n << 14n) - 1n;
export const FRAME_ADDRESS_MASK = (1n << 48n) - 1n;
export const FRAME_FUNCTION_SHIFT = 32n;
export const FRAME_FUNCTION_MASK = (1n << 26n) - 1n;

export const SITE = {
  bytes: 64,
  node: 0,
  heap: 4,
  tagSource: 5,
  flags: 6,
  arena: 8,
  tid: 16,
  tag: 20,
  samples: 24,
  allocObjects: 32,
  allocBytes: 40,
  allocObjectsVariance: 48,
  allocBytesVariance: 56,
} as const;

/** `custom`: an allocator of the program's own; the site's arena is the tag of its name. */
export const HEAP = { malloc: 1, mmap: 2, file: 3, custom: 4 } as const;
export const ARENA_MAIN = 0n;
export const ARENA_MMAPPED = 1n << 63n;
export const ARENA_UNKNOWN = (1n << 64n) - 1n;

export const LIVE = { bytes: 40, address: 0, size: 8, weight: 16, allocatedAtNs: 24, site: 32, sequence: 36 } as const;
export const MAPPING = { bytes: 40, start: 0, end: 8, committed: 16, mappedAtNs: 24, site: 32, sequence: 36 } as const;

export const EVENT = {
  bytes: 64,
  ticket: 0,
  timeNs: 8,
  type: 16,
  heap: 18,
  tid: 20,
  site: 24,
  tag: 28,
  address: 32,
  size: 40,
  weight: 48,
} as const;
/** `backing`: ends an `alloc` that was none, but what a heap of the program's own is made of. */
export const EVENT_TYPE = {
  alloc: 1,
  free: 2,
  commit: 3,
  decommit: 4,
  generation: 5,
  freeze: 6,
  backing: 7,
  collection: 8,
} as const;

/** `struct mp_collection`: an event of type `collection`. */
export const COLLECTION = {
  bytes: 64,
  ticket: 0,
  timeNs: 8,
  type: 16,
  kind: 18,
  tid: 20,
  thread: 24,
  flags: 28,
  durationNs: 32,
  usedBeforeBytes: 40,
  usedAfterBytes: 48,
  totalKib: 56,
} as const;
/** `enum mp_collection_kind`; v8::GCType has the same bits. */
export const COLLECTION_KIND = {
  none: 0,
  scavenge: 1,
  minorMarkCompact: 2,
  markCompact: 4,
  incremental: 8,
  weakCallbacks: 16,
} as const;
/** v8::GCCallbackFlags, of `flags`. */
export const COLLECTION_FLAG = { forced: 4, allAvailable: 16, allExternal: 32, idle: 64 } as const;
/** In `flags`: the profiler asked for it. */
export const COLLECTION_OURS = 2 ** 31;

export const TAG = {
  bytes: 96,
  kind: 0,
  name: 4,
  parent: 8,
  ordinal: 12,
  stage: 16,
  labels: 20,
  createdNs: 24,
  releasedNs: 32,
  budgetBytes: 40,
  counters: 48,
  folded: 80,
} as const;
export const TAG_KIND = { pool: 1, arena: 2, stage: 3, labels: 4, context: 5, heap: 6 } as const;

/** `enum mp_tag_counter`, in order: indexes into a record's counters. */
export const TAG_COUNTERS = ['hits', 'misses', 'double_releases', 'uses_after_release'] as const;

/** `enum mp_tag_source`, in order: how a sample got its context, as reports say it. */
export const TAG_SOURCES = ['none', 'c', 'leaf', 'thread-pool', 'cped', 'smi', 'ring'] as const;

/** `struct mp_control`. */
export const CONTROL = {
  bytes: 4096,
  magic: 0,
  version: 8,
  flags: 12,
  meanBytes: 16,
  v8IntervalBytes: 24,
  maxSamplesPerSecond: 32,
  snapshotRequest: 40,
  snapshotReason: 48,
  refusals: 56,
  seed: 184,
} as const;
export const CONTROL_MAGIC = 0x4c5254434f52504dn; // "MPROCTRL"
export const CONTROL_NO_NATIVE = 1;
export const CONTROL_NO_V8 = 2;
export const CONTROL_V8_EXACT = 4;
export const CONTROL_ASYNC_LABELS = 8;

/** `enum mp_refusal`, in order: why a sampler stayed out of a process. */
export const REFUSALS = ['store_create', 'file_size', 'no_space', 'libc', 'memory'] as const;
