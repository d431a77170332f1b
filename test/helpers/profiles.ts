import {
  type FunctionInfo,
  type Gauge,
  type Labels,
  type Location,
  type LocationKind,
  type Mapping,
  type Notice,
  type ProcessInfo,
  type Profile,
  SAMPLE_TYPES,
  type Sample,
  type Values,
} from '../../src/model/profile.ts';

/** A frame of a hand-made stack: `js('decode', 'src/a.ts', 3)` or `native('malloc', '/lib/libc.so.6')`. */
export interface TestFrame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly module: string;
  readonly kind: LocationKind;
  readonly approximate?: true;
}

export const js = (name: string, file: string, line: number): TestFrame => ({
  name,
  file,
  line,
  module: '',
  kind: 'js',
});
/** The call is near the line. */
export const near = (frame: TestFrame): TestFrame => ({ ...frame, approximate: true });
export const native = (name: string, module: string): TestFrame => ({
  name,
  file: '',
  line: 0,
  module,
  kind: 'native',
});

export interface TestSample {
  /** The root first, as one reads it. */
  readonly stack: readonly TestFrame[];
  readonly values: Values;
  readonly variances?: Values;
  readonly observations?: number;
  readonly labels?: Partial<Labels>;
}

export interface TestProfileOptions {
  readonly processes?: readonly ProcessInfo[];
  readonly gauges?: readonly Gauge[];
  readonly pauses?: Profile['pauses'];
  readonly collections?: Profile['collections'];
  readonly marks?: Profile['marks'];
  readonly ledgers?: Profile['ledgers'];
  readonly arenas?: Profile['arenas'];
  readonly pools?: Profile['pools'];
  readonly unknown?: Profile['unknown'];
  readonly notices?: readonly Notice[];
  readonly periodBytes?: number;
}

export const NODE_BINARY = '/usr/bin/node';

export function testProcess(overrides: Partial<ProcessInfo> = {}): ProcessInfo {
  return {
    pid: 4711,
    parentPid: 4700,
    name: 'node',
    nodeVersion: 'v22.23.0',
    v8Version: '12.4.254.21',
    allocator: 'glibc',
    libc: 'glibc',
    forked: false,
    nativeMeanBytes: 65_536,
    nativeMeanAtEndBytes: 65_536,
    v8IntervalBytes: 524_288,
    counters: { alloc_samples: 1_013, free_samples: 101, dropped_live: 0, truncated_stacks: 0 },
    peakBytes: 311_000_003,
    peakTimeNs: 1_760_000_007_000_000_000n,
    ...overrides,
  };
}

/** Makes a profile of hand-written stacks, each frame, function and mapping once. */
export function makeProfile(samples: readonly TestSample[], options: TestProfileOptions = {}): Profile {
  const functions = new Map<number, FunctionInfo>();
  const locations = new Map<number, Location>();
  const mappings: Mapping[] = [];
  const ids = new Map<string, number>();
  const functionIds = new Map<string, number>();
  const mappingOf = (file: string): Mapping => {
    const known = mappings.find((mapping) => mapping.file === file);
    if (known) return known;
    const id = mappings.length + 1;
    const start = BigInt(id) * 0x10000000n;
    const buildId = id.toString(16).padStart(40, 'a');
    const mapping = { id, start, limit: start + 0x1000000n, fileOffset: 0n, file, buildId, hasFunctions: true };
    mappings.push(mapping);
    return mapping;
  };
  mappingOf(NODE_BINARY);
  const locationOf = (frame: TestFrame): number => {
    const exactKey = `${frame.name}\0${frame.file}\0${frame.line}\0${frame.module}`;
    const key = frame.approximate ? `${exactKey}\0~` : exactKey;
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = ids.size + 1;
    ids.set(key, id);
    const functionId = functionIds.get(exactKey) ?? id;
    functionIds.set(exactKey, functionId);
    const { name, file, line: startLine } = frame;
    functions.set(functionId, { id: functionId, name, systemName: name, file, startLine });
    const mapping = frame.kind === 'native' ? mappingOf(frame.module) : undefined;
    locations.set(id, {
      id,
      mappingId: mapping?.id ?? 0,
      address: mapping ? mapping.start + BigInt(id * 16) : 0n,
      lines: [{ functionId, line: frame.line, column: 0 }],
      kind: frame.kind,
      ...(frame.approximate && { approximate: true }),
    });
    return id;
  };
  return {
    sampleTypes: SAMPLE_TYPES,
    samples: samples.map(
      (sample): Sample => ({
        stack: sample.stack.map(locationOf).reverse(),
        values: sample.values,
        variances: sample.variances ?? [0, 0, 0, 0],
        observations: sample.observations ?? 0,
        labels: { heap: 'libc.malloc', tier: 'host', pid: 4711, ...sample.labels },
      }),
    ),
    locations,
    functions,
    mappings,
    gauges: options.gauges ?? [],
    pauses: options.pauses ?? [],
    collections: options.collections ?? [],
    marks: options.marks ?? [],
    ledgers: options.ledgers ?? [],
    arenas: options.arenas ?? [],
    pools: options.pools ?? [],
    processes: options.processes ?? [testProcess()],
    moment: 'end',
    startedAtNs: 1_760_000_000_000_000_000n,
    durationNs: 12_400_000_000n,
    periodBytes: options.periodBytes ?? 65_536,
    unknown: options.unknown ?? [],
    notices: options.notices ?? [],
  };
}

const MIB = 1_048_576;
const ORT = '/app/node_modules/onnxruntime-node/bin/libonnxruntime.so.1';
const LIBC = '/usr/lib/x86_64-linux-gnu/libc.so.6';

const serve = js('serve', 'src/server.ts', 17);
const decode = js('Decoder.decode', 'src/engine/decode.ts', 42);
const session = js('OnnxSession.run', 'node_modules/onnxruntime-node/dist/backend.js', 55);
const napi = native('Napi::ObjectWrap<InferenceSessionWrap>::InstanceMethodCallbackWrapper', ORT);
const ortRun = native('onnxruntime::InferenceSession::Run(OrtRunOptions const*)', ORT);
const operatorNew = native('operator new(unsigned long)', ORT);
const malloc = native('malloc', LIBC);

/** An inference process as one meets it: ORT tensors, Buffers, V8 objects, a WebAssembly memory, something unknown. */
export function inferenceProfile(): Profile {
  const sampled = (objects: number, bytes: number, factor = 3): Pick<TestSample, 'values' | 'variances'> => ({
    values: [objects * factor, bytes * factor, objects, bytes],
    variances: [objects * factor * 7, bytes * factor * 65_536, objects * 7, bytes * 65_536],
  });
  return makeProfile(
    [
      {
        stack: [serve, decode, session, napi, ortRun, operatorNew, malloc],
        ...sampled(1_009, 64 * MIB),
        observations: 1_009,
        labels: { arena: 'glibc#0', thread: 'main', arena_source: 'allocator' },
      },
      {
        stack: [serve, decode, session, napi, ortRun, operatorNew, malloc],
        ...sampled(211, 23 * MIB),
        observations: 211,
        labels: { arena: 'glibc#3', thread: 'tid 4720', arena_source: 'allocator' },
      },
      {
        stack: [
          serve,
          js('tokenize', 'src/tokenizer.ts', 9),
          js('Buffer.alloc', 'node:buffer', 391),
          native('v8::ArrayBuffer::New(v8::Isolate*, unsigned long)', NODE_BINARY),
          native('node::NodeArrayBufferAllocator::Allocate(unsigned long)', NODE_BINARY),
          native('calloc', LIBC),
        ],
        ...sampled(13, 2 * MIB),
        observations: 13,
        labels: { arena: 'glibc#0', thread: 'main', arena_source: 'allocator' },
      },
      {
        stack: [serve, js('Cache.put', 'src/cache.ts', 88)],
        values: [0, 0, 90_001, 31 * MIB],
        variances: [0, 0, 1_500_000, 31 * MIB * 524_288],
        observations: 62,
        labels: { heap: 'v8', arena: 'v8:old_space', thread: 'main', arena_source: 'v8' },
      },
      {
        stack: [
          serve,
          js('loadWasm', 'src/wasm.ts', 5),
          native('v8::internal::WasmMemoryObject::Grow(v8::internal::Isolate*, unsigned int)', NODE_BINARY),
          native('mprotect', LIBC),
        ],
        values: [1, 50 * MIB, 1, 50 * MIB],
        labels: { heap: 'wasm', thread: 'main' },
      },
      {
        stack: [
          native('_start', NODE_BINARY),
          native('main', NODE_BINARY),
          native('node::LoadBuiltins()', NODE_BINARY),
        ],
        values: [17, 3 * MIB + 1, 17, 3 * MIB + 1],
        labels: { heap: 'mmap', thread: 'main' },
      },
    ],
    {
      gauges: [
        {
          name: 'rss',
          unit: 'bytes',
          pid: 4711,
          points: [
            { timeNs: 1_760_000_000_000_000_000n, value: 41_000_003 },
            { timeNs: 1_760_000_007_000_000_000n, value: 402_000_007 },
            { timeNs: 1_760_000_012_000_000_000n, value: 301_000_009 },
          ],
        },
      ],
      pauses: [
        {
          pid: 4711,
          threadId: 0,
          timeNs: 1_760_000_005_000_000_000n,
          durationNs: 31_000_003,
          kind: 'mark-compact',
          cause: 'heap limit',
        },
      ],
      collections: [
        {
          pid: 4711,
          threadId: 0,
          kind: 'scavenge',
          pauses: 1_009,
          totalNs: 1_500_000_001,
          p50Ns: 1_200_007,
          p99Ns: 6_100_003,
          maxNs: 17_000_009,
          causes: { 'young generation full': 1_009 },
        },
        {
          pid: 4711,
          threadId: 0,
          kind: 'mark-compact',
          pauses: 1,
          totalNs: 31_000_003,
          p50Ns: 31_000_003,
          p99Ns: 31_000_003,
          maxNs: 31_000_003,
          causes: { 'heap limit': 1 },
        },
        {
          pid: 4711,
          threadId: 2,
          kind: 'scavenge',
          pauses: 7,
          totalNs: 8_000_009,
          p50Ns: 1_000_003,
          p99Ns: 2_000_003,
          maxNs: 2_000_003,
          causes: { 'young generation full': 7 },
        },
      ],
      unknown: [{ heap: 'v8', types: ['alloc_objects', 'alloc_space'] }],
      notices: [
        {
          code: 'JS_NAMES_MISSING',
          message: 'The source of 3 scripts could not be read: their functions show without a class name.',
        },
      ],
      processes: [testProcess({ counters: { alloc_samples: 1_013, dropped_live: 7, truncated_stacks: 2 } })],
    },
  );
}

/** The same program with named pools and arenas, as the in-process API will label them. */
export function poolProfile(): Profile {
  const append = js('KvCache.append', 'src/kv/cache.ts', 88);
  const ggml = native('ggml_aligned_malloc', '/app/libggml.so');
  const arena = (id: number, bytes: number): TestSample => ({
    stack: [serve, decode, append, ggml],
    values: [400, bytes * 2, 64, bytes],
    variances: [1, bytes * 131_072, 1, bytes * 65_536],
    observations: 64,
    labels: { pool: 'kv-cache', arena: `kv-cache#${id}`, stage: 'decode' },
  });
  return makeProfile([
    arena(0, 220 * MIB),
    arena(1, 190 * MIB),
    arena(2, 160 * MIB),
    arena(3, 130 * MIB),
    {
      stack: [serve, js('prefill', 'src/engine/prefill.ts', 17), js('Tensor.alloc', 'src/tensor.ts', 31)],
      values: [5_000, 1_500 * MIB, 20, 160 * MIB],
      labels: { pool: 'tensor-pool', arena: 'tensor-pool#0', stage: 'prefill' },
    },
    {
      stack: [serve, js('loadWeights', 'src/model.ts', 12), native('llama_model_load', '/app/libllama.so')],
      values: [12, 600 * MIB, 12, 600 * MIB],
      labels: { pool: 'weights', arena: 'weights#0' },
    },
    {
      stack: [serve, js('tokenize', 'node_modules/tok/index.js', 5), js('BPE.merge', 'node_modules/tok/bpe.js', 77)],
      values: [90_000, 300 * MIB, 1_200, 18 * MIB],
      labels: { heap: 'v8', arena: 'v8:old_space' },
    },
  ]);
}

/** One function whose lines are exact in some samples and approximate in others: on the same line, and on one of their own. */
export function approximateProfile(): Profile {
  const grow = native('addon::grow', '/app/addon.node');
  const put = js('Cache.put', 'src/cache.ts', 88);
  const sample = (frame: TestFrame, bytes: number): TestSample => ({
    stack: [serve, frame, grow],
    values: [2, bytes, 2, bytes],
  });
  return makeProfile([
    sample(put, 40 * MIB),
    sample(near(put), 2 * MIB),
    sample(near({ ...decode, line: 40 }), 5 * MIB),
    sample(decode, 3 * MIB),
  ]);
}
