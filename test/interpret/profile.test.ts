import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { frameReader, placeOf } from '../../src/model/frames.ts';
import { findProblems } from '../../src/model/validate.ts';
import { FRAME_JS_APPROX, HEADER } from '../../src/recording/wire.ts';
import { recordProcess, writeRecording } from '../helpers/recording-builder.ts';

const root = mkdtempSync(join(tmpdir(), 'interpret-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a hand-made recording becomes a profile: stacks, labels, exact and estimated values', async () => {
  const recorder = recordProcess(4711);
  recorder.process({ threads: { 4711: 'node', 4712: 'libuv-worker' } });
  recorder.module({ start: 0x1000n, end: 0x9000n, bias: 0x1000n, path: '/opt/prog', isMain: true });
  const fn = recorder.function({ name: 'decode', script: 'file:///app/a.mjs' });
  const site = recorder.site({ stack: [recorder.native(0x2000n), recorder.js(fn)] });
  const other = recorder.site({ stack: [recorder.native(0x3000n)], tid: 4712, arena: 0x7f0000n });
  recorder.alloc({ site, size: 1009, weight: 65_536 });
  recorder.alloc({ site, size: 1009, weight: 65_536 });
  recorder.alloc({ site: other, size: 70_001, weight: 90_000 });
  recorder.snapshot('end');
  recorder.end();
  const profile = await buildProfile(writeRecording(join(root, 'first'), { '4711.0.mpr': recorder.bytes() }));
  expect(findProblems(profile)).toEqual([]);
  expect(profile.notices).toEqual([]);
  const frames = frameReader(profile);
  const [first, second] = profile.samples;
  expect(first && frames(first).map((frame) => `${frame.name} ${frame.file}`)).toEqual([
    'decode /app/a.mjs',
    'prog+0x1000 ',
  ]);
  const p = 1009 / 65_536;
  expect(first?.values[3]).toBeCloseTo(2 * 65_536);
  expect(first?.values[2]).toBeCloseTo(2 / p);
  expect(first?.variances[3]).toBeCloseTo(((2 * (1 - p)) / (p * p)) * 1009 ** 2, 0);
  expect(first?.labels).toEqual({
    heap: 'libc.malloc',
    arena: 'glibc#0',
    arena_source: 'allocator',
    tier: 'host',
    thread: 'main',
    pid: 4711,
  });
  expect(second?.labels).toMatchObject({ arena: 'glibc#1', thread: 'libuv-worker 4712' });
});

test('lines that are near the call are marked: those of Maglev that it is not sure of, and starts of functions', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const fn = recorder.function({ name: 'decode', script: 'file:///app/a.mjs' });
  const unnamed = recorder.function({ name: 'lost', script: 'file:///app/gone.mjs' });
  const words = [
    recorder.js(fn, 70),
    recorder.js(fn, 70, FRAME_JS_APPROX),
    recorder.js(fn, 90, FRAME_JS_APPROX),
    recorder.js(fn),
    recorder.js(unnamed, 5, FRAME_JS_APPROX),
  ];
  for (const word of words) recorder.alloc({ site: recorder.site({ stack: [word] }), size: 1009 });
  recorder.snapshot('end');
  recorder.end();
  recorder.symbols({
    native: [],
    functions: [[fn, 'Engine.decode', '/app/a.ts', 3, 2]],
    positions: [
      [fn, 70, '/app/a.ts', 5, 9],
      [fn, 90, '/app/a.ts', 7, 1],
    ],
    scripts: [],
    modules: [],
  });
  const profile = await buildProfile(writeRecording(join(root, 'near'), { '4711.0.mpr': recorder.bytes() }));
  expect(findProblems(profile)).toEqual([]);
  const frames = frameReader(profile);
  const places = profile.samples.flatMap(frames).map((frame) => `${frame.name} ${placeOf(frame)}`);
  expect(places).toEqual([
    'Engine.decode /app/a.ts:5',
    'Engine.decode /app/a.ts:~5',
    'Engine.decode /app/a.ts:~7',
    'Engine.decode /app/a.ts:~3',
    'lost /app/gone.mjs',
  ]);
  expect([...profile.functions.values()].map(({ name }) => name)).toEqual(['Engine.decode', 'lost']);
});

test.each([
  [1, []],
  [2, ['V8_UNKNOWN']],
  [3, ['V8_NO_LINES']],
])('a V8 in state %i: what is not known of it is said once', async (state, codes) => {
  const recorder = recordProcess(4711);
  recorder.process();
  recorder.header.writeUInt8(state, HEADER.v8State);
  recorder.snapshot('end');
  recorder.end();
  const profile = await buildProfile(writeRecording(join(root, `v8-${state}`), { '4711.0.mpr': recorder.bytes() }));
  expect(profile.notices.map(({ code }) => code)).toEqual(codes);
});

test("the sampler's own memory, as the program's process told it; of older recordings nothing is known", async () => {
  const samplerBytesOf = async (ownBytes: bigint) => {
    const recorder = recordProcess(4711);
    recorder.header.writeBigUInt64LE(ownBytes, HEADER.ownBytes);
    recorder.process();
    recorder.snapshot('end');
    recorder.end();
    const name = `own-${ownBytes}`;
    const { processes } = await buildProfile(writeRecording(join(root, name), { '4711.0.mpr': recorder.bytes() }));
    return processes.map(({ samplerBytes }) => samplerBytes);
  };
  expect(await samplerBytesOf(15_622_720n)).toEqual([15_622_720]);
  expect(await samplerBytesOf(0n)).toEqual([undefined]);
});

test('the source text that a data: URL consists of gets into no profile', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const fn = recorder.function({ name: 'f', script: 'data:text/javascript,export const key\n= 1' });
  recorder.alloc({ site: recorder.site({ stack: [recorder.js(fn)] }), size: 1009 });
  recorder.snapshot('end');
  recorder.end();
  const profile = await buildProfile(writeRecording(join(root, 'data-url'), { '4711.0.mpr': recorder.bytes() }));
  expect([...profile.functions.values()].map(({ file }) => file)).toEqual(['data:']);
});
