/** Real runtimes under memprof: what they allocate has JavaScript and C++ on one stack, down to the root. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { driveServer } from '../../fixtures/workloads/drive.mjs';
import { buildProfile } from '../../src/interpret/index.ts';
import type { Profile } from '../../src/model/profile.ts';
import { cleanEnvironment, MEMPROF, runToEnd, scratch, start } from '../cli/run-cli.ts';
import { runtimesAreMissing } from '../workloads/workloads.ts';
import { FIXTURES, inUse, NODES, profileOf, type Stack, stacksOf } from './helpers.ts';

const missing = runtimesAreMissing();
const ONNX = [
  join(FIXTURES, 'workloads/onnx-generate.mjs'),
  '--preset',
  'small',
  '--requests',
  '2',
  '--new-tokens',
  '24',
];
const LLAMA = [join(FIXTURES, 'workloads/llama-generate.mjs'), '--context', '8192', '--new-tokens', '16'];
const SERVER = join(FIXTURES, 'workloads/sse-server.mjs');

/** Where a thread's stack begins. libc's and libstdc++'s own starts of threads have no symbol in a stripped libc. */
const ROOTS =
  /^(_start|main|start_thread|__clone3?|clone3?|uv__thread_start|libc\.so\.6\+0x[0-9a-f]+|libstdc\+\+\.so\.6.*)$/;

const isNative = ({ sample }: Stack) => sample.labels.heap !== 'v8';
const hasModule = (name: RegExp) => (stack: Stack) => stack.frames.some((frame) => name.test(frame.module));
const hasFunction = (name: RegExp) => (stack: Stack) => stack.frames.some((frame) => name.test(frame.name));
const reachesRoot = ({ frames }: Stack) => ROOTS.test(frames.at(-1)?.name ?? '');
const hasJavaScript = ({ frames }: Stack) => frames.some((frame) => frame.kind === 'js');

function expectRoots(profile: Profile, module: RegExp): void {
  const stacks = stacksOf(profile).filter(isNative).filter(hasModule(module));
  const samples = stacks.reduce((sum, { sample }) => sum + Math.max(1, sample.observations), 0);
  const rooted = stacks.filter(reachesRoot).reduce((sum, { sample }) => sum + Math.max(1, sample.observations), 0);
  expect(samples).toBeGreaterThan(50);
  const lost = stacks.filter((stack) => !reachesRoot(stack)).map(({ frames }) => frames.at(-1)?.name);
  expect(rooted / samples, `ends of the others: ${[...new Set(lost)].join(', ')}`).toBeGreaterThanOrEqual(0.99);
}

describe.skipIf(missing)('onnxruntime-node', () => {
  it.each(NODES)('has JavaScript and C++ on one stack on Node $major', async ({ path }) => {
    if (!existsSync(path)) throw new Error(`missing ${path}: node fixtures/install.mjs nodes`);
    const plain = await runToEnd(path, ONNX);
    const folder = scratch();
    const run = await profileOf(join(folder, 'recording'), [path, ...ONNX], { flags: ['--sample-bytes', '16k'] });
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: plain.status, stdout: plain.stdout });

    expectRoots(run.profile, /libonnxruntime|onnxruntime_binding/);
    expectRoots(run.profile, /\/node$/);
    const ort = stacksOf(run.profile)
      .filter(isNative)
      .filter(hasModule(/libonnxruntime/));
    const session = ort.filter(hasFunction(/OnnxruntimeSessionHandler/)).filter(hasJavaScript);
    // The weights of the small model are 15 MB of float32, held by the session.
    expect(inUse(session).bytes).toBeGreaterThan(12e6);
    const tensors = stacksOf(run.profile)
      .filter(isNative)
      .filter(hasFunction(/^KvCache\.(append|#grow)$/));
    expect(inUse(tensors).bytes).toBeGreaterThan(2e5);
    expect(tensors.every(hasJavaScript)).toBe(true);
  });
});

describe.skipIf(missing)('node-llama-cpp', () => {
  it('shows weights, KV cache and compute buffers as llama.cpp reports them', async () => {
    const verbose = await runToEnd(process.execPath, [...LLAMA, '--verbose']);
    const log = verbose.stdout + verbose.stderr;
    const reported = (line: RegExp): number => Number(log.match(line)?.[1]) * 2 ** 20;
    const kvBytes = reported(/KV buffer size =\s+([\d.]+) MiB/);
    const computeBytes = reported(/compute buffer size =\s+([\d.]+) MiB/);
    expect(kvBytes).toBeGreaterThan(0);

    const folder = scratch();
    // It frees everything before it exits: the peak is the moment to look at. It holds little by malloc then: a sample
    // every 4 KiB, without the cap on their rate, makes hundreds of them whatever the load of the machine.
    const flags = ['--sample-bytes', '4k', '--max-samples-per-second', '1000000'];
    const run = await profileOf(join(folder, 'recording'), [process.execPath, ...LLAMA], { moment: 'peak', flags });
    expect(run.status).toBe(0);
    expectRoots(run.profile, /libllama|libggml|llama-addon/);
    const native = stacksOf(run.profile).filter(isNative);
    const kv = inUse(native.filter(hasFunction(/llama_kv_cache::llama_kv_cache/)));
    const compute = inUse(native.filter(hasFunction(/ggml_backend_sched_reserve|ggml_gallocr_reserve/)));
    expect(Math.abs(kv.bytes / kvBytes - 1)).toBeLessThan(0.1);
    expect(Math.abs(compute.bytes / computeBytes - 1)).toBeLessThan(0.1);
  });
});

describe.skipIf(missing)('the streaming server', () => {
  it('with LEAK_KV: names the pool that leaks, and how much', async () => {
    const folder = join(scratch(), 'recording');
    // Without the cap, which doubles the mean in a busy second: 1,920 arrays of 64 KiB are then known to 1.7 % (one SD).
    const flags = ['--max-samples-per-second', '1000000'];
    const server = start(process.execPath, [MEMPROF, 'run', '-o', folder, ...flags, '--', process.execPath, SERVER], {
      env: { ...cleanEnvironment(), LEAK_KV: '1', PRESET: 'small', PORT: '0' },
    });
    let output = '';
    server.child.stdout?.on('data', (text: string) => {
      output += text;
    });
    await server.prints('listening on');
    const url = output.match(/http:\/\/\S+/)?.[0] ?? '';
    const truth = await driveServer(url, { requests: 120, connections: 3 });
    expect(truth.errors).toBe(0);
    server.child.kill('SIGTERM');
    const { status, signal } = await server.ended;
    expect({ status, signal }).toEqual({ status: 0, signal: null });

    const { liveBytes } = truth.disconnected.kvPool;
    expect(liveBytes).toBeGreaterThan(64 * 2 ** 20);
    const slabs = stacksOf(await buildProfile(folder, {}))
      .filter(isNative)
      .filter(hasFunction(/^KvSlabPool\./));
    const estimate = inUse(slabs);
    expect(Math.abs(estimate.bytes / liveBytes - 1)).toBeLessThan(0.1);
  });
});
