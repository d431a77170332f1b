/** Programs that say nothing about their memory: the rules that memprof comes with name it, in the sizes that the runtimes themselves report. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { driveServer } from '../../fixtures/workloads/drive.mjs';
import { ensureGgufModel, ensureOnnxModel } from '../../fixtures/workloads/modelgen/model-files.mjs';
import { summarize } from '../../src/analyze/summary.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { INUSE_SPACE, type Moment, type Profile } from '../../src/model/profile.ts';
import { createRecogniser } from '../../src/rules/recogniser.ts';
import { SHIPPED_RULES } from '../../src/rules/shipped/index.ts';
import { cleanEnvironment, MEMPROF, memprof, scratch, start } from '../cli/run-cli.ts';
import { runtimesAreMissing } from '../workloads/workloads.ts';
import { FIXTURES } from './helpers.ts';

const WORKLOADS = join(FIXTURES, 'workloads');
const MIB = 2 ** 20;

const recognised = (folder: string, moment: Moment): Promise<Profile> =>
  buildProfile(folder, { moment, recogniser: createRecogniser(SHIPPED_RULES) });

/** Bytes in use with a label. */
function bytesOf(profile: Profile, label: 'pool' | 'arena', name: string): number {
  const samples = profile.samples.filter(({ labels }) => labels[label] === name);
  return samples.reduce((sum, { values }) => sum + values[INUSE_SPACE], 0);
}

/** At the end and at the peak. */
async function expectKnownArenas(folder: string, peak: Profile): Promise<void> {
  for (const profile of [peak, await recognised(folder, 'end')]) {
    expect(summarize(profile, { memprofVersion: '' }).unnamed.share, profile.moment).toBeLessThanOrEqual(0.05);
  }
}

describe.skipIf(runtimesAreMissing())('an unchanged program', () => {
  it.each([
    ['mapped', [], 'llama.cpp:weights/CPU_Mapped'],
    ['read', ['--no-mmap'], 'llama.cpp:weights'],
  ])(
    'with llama.cpp, weights %s: weights, KV cache, compute and output are what its log says, to 1 %%',
    async (_how, more, weights) => {
      ensureGgufModel('small');
      const folder = join(scratch(), 'recording');
      // So many sequences that the output, 1,000 floats for each, is printed with enough digits.
      const program = [
        join(WORKLOADS, 'llama-generate.mjs'),
        ...['--context', '64', '--sequences', '256', '--requests', '1', '--new-tokens', '2', '--verbose', ...more],
      ];
      // Blocks 60 times the mean are sampled surely, and counted exactly then.
      const flags = ['-q', '-o', folder, '--sample-bytes', '16k', '--max-samples-per-second', '1000000'];
      const { status, stderr } = await memprof(['run', ...flags, '--', process.execPath, ...program]);
      expect({ status, stderr }).toMatchObject({ status: 0 });

      const profile = await recognised(folder, 'peak');
      for (const [pool, line] of [
        ['weights', /CPU\S* model buffer size = +([\d.]+) MiB/],
        ['kv-cache', /CPU KV buffer size = +([\d.]+) MiB/],
        ['compute', /CPU compute buffer size = +([\d.]+) MiB/],
        ['output', /CPU +output buffer size = +([\d.]+) MiB/],
      ] as const) {
        const told = Number(line.exec(stderr)?.[1]) * MIB;
        expect(told, pool).toBeGreaterThan(0.5 * MIB);
        expect(Math.abs(bytesOf(profile, 'pool', pool) / told - 1), pool).toBeLessThan(0.01);
      }
      expect(bytesOf(profile, 'arena', weights)).toBeGreaterThan(6 * MIB);
      // The file is known by its name too, where no code tells.
      const byFile = createRecogniser([{ name: 'file', match: { file: 'llama-small-*.gguf' }, pool: 'file' }]);
      const mapped = bytesOf(await buildProfile(folder, { moment: 'peak', recogniser: byFile }), 'pool', 'file');
      expect(mapped > 6 * MIB).toBe(more.length === 0);
      await expectKnownArenas(folder, profile);
    },
  );

  it('with ONNX Runtime: its weights, outputs and arena, and nearly nothing without an arena', async () => {
    const { shape } = ensureOnnxModel('small');
    const folder = join(scratch(), 'recording');
    const program = [join(WORKLOADS, 'onnx-generate.mjs'), '--requests', '2', '--new-tokens', '24'];
    const flags = ['-q', '-o', folder, '--sample-bytes', '16k', '--max-samples-per-second', '1000000'];
    const { status } = await memprof(['run', ...flags, '--', process.execPath, ...program]);
    expect(status).toBe(0);

    const profile = await recognised(folder, 'peak');
    const { hidden, layers, feedForward } = shape;
    // float32: four projections and a gated feed-forward of three matrices in each layer. Embeddings and norms come on top.
    const atLeast = 4 * layers * (4 * hidden * hidden + 3 * hidden * feedForward);
    expect(bytesOf(profile, 'arena', 'onnxruntime:initializers')).toBeGreaterThan(0.95 * atLeast);
    expect(bytesOf(profile, 'arena', 'onnxruntime:initializers')).toBeLessThan(2 * atLeast);
    expect(bytesOf(profile, 'arena', 'onnxruntime:outputs')).toBeGreaterThan(MIB);
    expect(bytesOf(profile, 'arena', 'onnxruntime:arena')).toBeGreaterThan(MIB / 2);
    await expectKnownArenas(folder, profile);
  });

  it('that serves: nearly nothing is without an arena', async () => {
    const folder = join(scratch(), 'recording');
    const server = start(
      process.execPath,
      [MEMPROF, 'run', '-q', '-o', folder, '--', process.execPath, join(WORKLOADS, 'sse-server.mjs')],
      { env: { ...cleanEnvironment(), PRESET: 'tiny', PORT: '0' } },
    );
    let output = '';
    server.child.stdout?.on('data', (text: string) => {
      output += text;
    });
    await server.prints('listening on');
    const { errors } = await driveServer(output.match(/http:\/\/\S+/)?.[0] ?? '', { requests: 20, connections: 2 });
    server.child.kill('SIGTERM');
    expect({ errors, status: (await server.ended).status }).toEqual({ errors: 0, status: 0 });
    await expectKnownArenas(folder, await recognised(folder, 'peak'));
  });
});
