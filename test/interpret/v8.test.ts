import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { ownerOfMapping } from '../../src/interpret/v8-pages.ts';
import { frameReader } from '../../src/model/frames.ts';
import type { Profile } from '../../src/model/profile.ts';
import { INUSE_SPACE } from '../../src/model/profile.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { jsonChunk, type ProcessRecorder, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('v8');

const NAMES = {
  allocate: '_ZN2v84base2OS8AllocateEPvmmNS1_16MemoryPermissionE',
  permissions: '_ZN2v84base2OS14SetPermissionsEPvmNS1_16MemoryPermissionE',
  page: '_ZN2v88internal15MemoryAllocator12AllocatePageENS1_14AllocationModeE',
  collect: '_ZN2v88internal4Heap14CollectGarbageENS0_15AllocationSpaceE',
  codeRange: '_ZN2v88internal9CodeRange15InitReservationEPNS_13PageAllocatorEm',
  backing: '_ZN2v88internal12BackingStore35TryAllocateAndPartiallyCommitMemoryEPNS0_7IsolateEmm',
  store: '_ZN2v88internal12BackingStore8AllocateEPNS0_7IsolateEm',
  wasm: '_ZN2v88internal12BackingStore18AllocateWasmMemoryEPNS0_7IsolateEmm',
  program: '_Z7programv',
} as const;

/** A process whose native frames have the names above. Addresses are 0x10, 0x20, ... in their order. */
function start(): { recorder: ProcessRecorder; at: (name: keyof typeof NAMES) => bigint } {
  const recorder = recordProcess(4711);
  recorder.process();
  const names = Object.keys(NAMES) as (keyof typeof NAMES)[];
  const at = (name: keyof typeof NAMES): bigint => recorder.native(BigInt(names.indexOf(name) + 1) * 16n);
  recorder.symbols({
    modules: [{ path: '/opt/node', buildId: '', symbols: 'symtab' }],
    native: names.map((name) => [at(name).toString(16), 0, NAMES[name], name, 0]),
    functions: [],
    positions: [],
    scripts: [],
  });
  return { recorder, at };
}

function v8Line(nodes: unknown[], fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'v8profile',
    timeUnixNs: '1700000000500000000',
    threadId: 0,
    reason: 'exit',
    intervalBytes: 65_536,
    depth: 128,
    strings: ['(root)', '', 'build', 'file:///nowhere/a.mjs', '(external)', 'outer'],
    nodes,
    ...fields,
  };
}

const inUse = (profile: Profile, heap: string): number =>
  profile.samples
    .filter((sample) => sample.labels.heap === heap)
    .reduce((total, sample) => total + sample.values[INUSE_SPACE], 0);

let serial = 0;
const profileOf = (recorder: ProcessRecorder): Promise<Profile> =>
  buildProfile(writeRecording(join(root, String(serial++)), { '4711.0.mpr': recorder.bytes() }));

test('pages and sampled objects are counted once: together they are the committed pages', async () => {
  const { recorder, at } = start();
  const pages = recorder.site({ stack: [at('program'), at('page'), at('allocate')], heap: 'mmap' });
  recorder.map(pages, 8 << 20);
  recorder.map(pages, 4 << 20);
  recorder.agent(
    v8Line([
      [-1, 0, 1, 0, 0, 0, []],
      [0, 2, 3, 7, 11, 5, [64, 50_000]],
    ]),
  );
  recorder.snapshot('end');
  const profile = await profileOf(recorder);
  expect(inUse(profile, 'v8')).toBe(12 << 20);
  expect(inUse(profile, 'mmap')).toBe(0);
  const frames = frameReader(profile);
  const [objects, rest] = profile.samples;
  expect(objects && frames(objects)[0]).toMatchObject({ name: 'build', file: '/nowhere/a.mjs', line: 11 });
  expect(rest && frames(rest).map((frame) => frame.name)).toEqual(['[V8 heap pages beyond sampled objects]']);
  expect(rest?.labels).toMatchObject({ heap: 'v8', arena: 'v8:pages' });
  // p = 1 - exp(-64 / 65536): 50,000 objects stand on about 49 observations.
  expect(objects?.observations).toBe(49);
  const p = 1 - Math.exp(-64 / 65_536);
  expect(objects?.variances[3]).toBeCloseTo(((49 * (1 - p)) / p ** 2) * 64 ** 2, -3);
  expect(rest?.variances[3]).toBe(objects?.variances[3]);
  expect(profile.unknown).toEqual([{ heap: 'v8', types: ['alloc_objects', 'alloc_space'] }]);
});

test('a process that crashed before its first V8 profile says that its objects are missing', async () => {
  const hello = { type: 'hello', timeUnixNs: '1700000000000000000', threadId: 0, tid: 4711, v8Sampler: 'on' };
  const codesOf = async (...lines: Record<string, unknown>[]): Promise<string[]> => {
    const { recorder } = start();
    for (const line of lines) recorder.agent(line);
    recorder.snapshot('end');
    return (await profileOf(recorder)).notices.map(({ code }) => code);
  };
  expect(await codesOf(hello)).toContain('V8_NO_PROFILE');
  expect(await codesOf({ ...hello, v8Sampler: 'off' })).not.toContain('V8_NO_PROFILE');
  expect(await codesOf(hello, v8Line([[-1, 0, 1, 0, 0, 0, []]]))).not.toContain('V8_NO_PROFILE');
});

test('workers that left no V8 profile are counted', async () => {
  const hello = (threadId: number) => ({ type: 'hello', timeUnixNs: '1700000000000000000', threadId, v8Sampler: 'on' });
  const { recorder } = start();
  for (const threadId of [0, 1, 2, 3]) recorder.agent(hello(threadId));
  const nodes = [[-1, 0, 1, 0, 0, 0, []]];
  recorder.agent(v8Line(nodes));
  recorder.agent(v8Line(nodes, { threadId: 2 }));
  recorder.snapshot('end');
  const { notices } = await profileOf(recorder);
  expect(notices.map(({ code }) => code)).not.toContain('V8_NO_PROFILE');
  expect(notices.find(({ code }) => code === 'V8_NO_WORKER_PROFILE')?.message).toMatch(/of 2 workers: they ended/);
});

test('garbage in large V8 profiles is said, collected ones have none', async () => {
  const noticesOf = async (collected: boolean, count: number): Promise<string[]> => {
    const { recorder } = start();
    const nodes = [
      [-1, 0, 1, 0, 0, 0, []],
      [0, 2, 3, 7, 11, 5, [1009, count]],
    ];
    recorder.agent(v8Line(nodes, { collected }));
    recorder.snapshot('end');
    return (await profileOf(recorder)).notices.map(({ code }) => code);
  };
  expect(await noticesOf(false, 20_000)).toContain('V8_GARBAGE');
  expect(await noticesOf(true, 20_000)).not.toContain('V8_GARBAGE');
  expect(await noticesOf(false, 2_000)).not.toContain('V8_GARBAGE');
});

test('without V8 samples the pages keep their stacks', async () => {
  const { recorder, at } = start();
  const pages = recorder.site({ stack: [at('program'), at('page'), at('allocate')], heap: 'mmap' });
  recorder.map(pages, 8 << 20);
  recorder.snapshot('end');
  const profile = await profileOf(recorder);
  expect(profile.samples[0]?.labels).toMatchObject({ heap: 'v8', arena: 'v8:pages' });
  expect(profile.samples[0]?.stack).toHaveLength(3);
  expect(profile.unknown).toEqual([]);
});

test('objects that outgrow their pages (an overestimate) leave no negative rest', async () => {
  const { recorder, at } = start();
  recorder.map(recorder.site({ stack: [at('page'), at('allocate')], heap: 'mmap' }), 1 << 20);
  recorder.agent(
    v8Line([
      [-1, 0, 1, 0, 0, 0, []],
      [0, 2, 3, 7, 11, 5, [64, 50_000]],
    ]),
  );
  recorder.snapshot('end');
  const profile = await profileOf(recorder);
  expect(profile.samples).toHaveLength(1);
});

test("WebAssembly, a program's backing stores and the code range are told apart", async () => {
  const { recorder, at } = start();
  recorder.map(recorder.site({ stack: [at('wasm'), at('backing'), at('permissions')], heap: 'mmap' }), 65_536 * 17);
  recorder.map(recorder.site({ stack: [at('program'), at('backing'), at('permissions')], heap: 'mmap' }), 4096 * 13);
  recorder.map(recorder.site({ stack: [at('codeRange'), at('allocate')], heap: 'mmap' }), 509 << 20);
  recorder.map(recorder.site({ stack: [at('program')], heap: 'mmap' }), 4096 * 11);
  recorder.snapshot('end');
  const profile = await profileOf(recorder);
  expect(inUse(profile, 'wasm')).toBe(65_536 * 17);
  expect(inUse(profile, 'mmap')).toBe(4096 * 24);
  expect(inUse(profile, 'v8')).toBe(0);
  expect(profile.processes[0]?.peakBytes).toBe(65_536 * 17 + 4096 * 24);
});

test('a collection that a buffer set off allocates pages of V8, not of the buffer', () => {
  const { permissions, page, collect, store, program } = NAMES;
  expect(ownerOfMapping([permissions, page, collect, store, program])).toBe('v8:pages');
  expect(ownerOfMapping([permissions, store, program])).toBeUndefined();
  expect(ownerOfMapping([program, page])).toBeUndefined();
});

test('external memory in the V8 profile is dropped: the native sampler has it with its stacks', async () => {
  const { recorder } = start();
  recorder.agent(
    v8Line([
      [-1, 0, 1, 0, 0, 0, []],
      [0, 4, 1, 0, 0, 0, [1 << 20, 123]],
      [0, 2, 3, 7, 11, 5, [64, 50_000]],
    ]),
  );
  recorder.snapshot('end');
  expect(inUse(await profileOf(recorder), 'v8')).toBe(64 * 50_000);
});

test('each thread brings its newest profile; damaged parents and strings do no harm', async () => {
  const { recorder } = start();
  const nodes = (count: number): unknown[] => [
    [-1, 0, 1, 0, 0, 0, []],
    [0, 2, 3, 7, 11, 5, [64, count]],
  ];
  recorder.agent(v8Line(nodes(1000), { reason: 'timer' }));
  recorder.agent(v8Line(nodes(2000)));
  recorder.agent(v8Line(nodes(3000), { threadId: 2, reason: 'timer' }));
  recorder.agent(
    v8Line(
      [
        [5, 99, 99, 0, 0, 0, [64, 7]],
        [1, 2, 3, 7, 11, 5, [64, 11]],
      ],
      { threadId: 3 },
    ),
  );
  recorder.snapshot('end');
  const profile = await profileOf(recorder);
  const byThread = Object.fromEntries(profile.samples.map((sample) => [sample.labels.thread, sample.values[2]]));
  expect(byThread).toEqual({ main: 2000, 'worker 2': 3000, 'worker 3': 11 });
});

test("memory that memprof's own agent asked for is left out, from both samplers", async () => {
  const { recorder, at } = start();
  recorder.maps(
    '7f0000000000-7f0000100000 r-xp 00000000 08:01 17 /opt/mp/native/build/linux-x64-glibc/libmemprof.so\n',
  );
  const agent = recorder.function({ name: 'collect', script: '/opt/mp/dist/agent/agent.cjs' });
  const events = recorder.function({ name: 'emit', script: 'node:events' });
  const program = recorder.function({ name: 'decode', script: '/opt/mp/dist/agents.js' });
  const site = (...stack: bigint[]): number => recorder.site({ stack });
  recorder.alloc({
    site: site(recorder.js(program), recorder.js(agent), recorder.js(events), at('program')),
    size: 1009,
  });
  recorder.alloc({
    site: site(recorder.js(agent), recorder.js(program), recorder.js(events), at('program')),
    size: 2003,
  });
  recorder.snapshot('end');
  const profile = await profileOf(recorder);
  expect(profile.samples.map((sample) => sample.values[INUSE_SPACE])).toEqual([2003]);
});

test('a process without a store: times come from its end, external memory stays, and no notice is due', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const bytes = recorder.bytes();
  const rest = recordProcess(4711);
  rest.agent(
    v8Line([
      [-1, 0, 1, 0, 0, 0, []],
      [0, 4, 1, 0, 0, 0, [1 << 20, 3]],
    ]),
  );
  rest.gauge(123);
  const end = jsonChunk(CHUNK.end, { exitCode: 0, signal: null, timeUnixNs: '1700000000700000000', notices: [] });
  const file = Buffer.concat([bytes, rest.bytes().subarray(16), end]);
  const settings = { native: false, v8: true, sampleBytes: 65_536, v8IntervalBytes: 65_536, maxSamplesPerSecond: 2000 };
  const directory = writeRecording(join(root, 'no-store'), { '4711.0.mpr': file }, { settings });
  const profile = await buildProfile(directory);
  expect(profile.notices).toEqual([]);
  expect(inUse(profile, 'v8')).toBe(3 << 20);
  expect(profile.gauges.map((gauge) => gauge.name)).toEqual(['rss', 'anonymous']);
  expect(profile.gauges[0]?.points).toEqual([{ timeNs: 1_700_000_000_700_000_000n, value: 123 }]);
});

test('objects of another moment are said to be so', async () => {
  const { recorder } = start();
  recorder.agent(v8Line([[-1, 0, 1, 0, 0, 0, []]], { timeUnixNs: '1699999997000000000', reason: 'timer' }));
  recorder.snapshot('end');
  const { notices } = await profileOf(recorder);
  expect(notices).toEqual([
    expect.objectContaining({ code: 'V8_PROFILE_ELSEWHEN', message: expect.stringMatching(/3\.0 s before/) }),
  ]);
});
