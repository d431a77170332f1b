import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { KvCache } from '../../fixtures/workloads/lib/kv-cache.mjs';
import { tokenInputs } from '../../fixtures/workloads/lib/token-inputs.mjs';
import { ensureGgufModel, ensureOnnxModel } from '../../fixtures/workloads/modelgen/model-files.mjs';
import { FIXTURES, run, runtimesAreMissing } from './workloads.ts';

const ONNX_GENERATE = join(FIXTURES, 'workloads/onnx-generate.mjs');
const LLAMA_GENERATE = join(FIXTURES, 'workloads/llama-generate.mjs');

describe.skipIf(runtimesAreMissing())('the workloads with real runtimes', () => {
  beforeAll(() => {
    ensureOnnxModel('tiny');
    ensureGgufModel('tiny');
  });

  it('ONNX Runtime generates the same text twice, and another one for another seed', async () => {
    const args = [ONNX_GENERATE, '--preset', 'tiny', '--requests', '2', '--new-tokens', '40'];
    const [first, second, other] = await Promise.all([
      run(process.execPath, args),
      run(process.execPath, args),
      run(process.execPath, [...args, '--seed', '7']),
    ]);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout.split(/\s+/).length).toBeGreaterThan(2 * 40);
    expect(Math.max(...first.stdout.split('\n').map((line) => line.length))).toBeLessThan(80);
    expect(second.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
  });

  it('stops at the longest sequence that the model takes', async () => {
    const outcome = await run(process.execPath, [
      ONNX_GENERATE,
      '--preset',
      'tiny',
      '--requests',
      '1',
      '--new-tokens',
      '600',
    ]);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
  });

  it('llama.cpp generates the same text twice, and allocates what its log says', async () => {
    const args = [LLAMA_GENERATE, '--preset', 'tiny', '--new-tokens', '24'];
    const [first, second] = await Promise.all([
      run(process.execPath, args),
      run(process.execPath, [...args, '--verbose']),
    ]);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout.split(/\s+/).length).toBeGreaterThan(24);
    expect(second.stdout).toBe(first.stdout);
    // 2 sequences x 512 cells x 2 layers x (keys + values) x 2 heads x 16 half floats.
    expect(/KV buffer size = +([\d.]+) MiB/.exec(second.stderr)?.[1]).toBe('0.25');
  });

  it('the KV cache changes nothing: token by token gives the logits of the whole prompt at once', async () => {
    const { default: ort } = await import(join(FIXTURES, 'workloads/node_modules/onnxruntime-node/dist/index.js'));
    const { model, shape } = ensureOnnxModel('tiny');
    const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    const prompt = Array.from({ length: 70 }, (_, i) => 259 + ((i * 13) % 200));

    const atOnce = await session.run({
      ...tokenInputs(ort.Tensor, prompt, 0),
      ...new KvCache(shape).inputs(ort.Tensor),
    });
    const cache = new KvCache(shape);
    const lastLogits: number[] = [];
    for (const token of prompt) {
      const outputs = await session.run({
        ...tokenInputs(ort.Tensor, [token], cache.length),
        ...cache.inputs(ort.Tensor),
      });
      cache.append(outputs, 1);
      lastLogits.push(...outputs.logits.data);
    }

    expect(cache.length).toBe(prompt.length);
    expect(cache.byteLength).toBe(2 * shape.layers * shape.hidden * 128 * 4);
    const differences = atOnce.logits.data.map((logit: number, i: number) =>
      Math.abs(logit - (lastLogits[i] ?? Number.NaN)),
    );
    expect(lastLogits).toHaveLength(prompt.length * shape.vocabulary);
    expect(Math.max(...differences)).toBeLessThan(1e-3);
  });
});
