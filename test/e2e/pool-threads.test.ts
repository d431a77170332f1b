/** Memory that a native library takes on threads of libuv's pool is in the arena of who asked for it: llama.cpp's context. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { runtimesAreMissing } from '../workloads/workloads.ts';
import { FIXTURES, inUse, NODES, profileOf, type Stack, stacksOf } from './helpers.ts';

const root = temporaryDirectory('pool-threads');
const LLAMA = join(FIXTURES, 'workloads/llama-generate.mjs');
const COMMAND = [LLAMA, '--context', '8192', '--new-tokens', '1', '--arena', 'llama-context', '--verbose'];
const MIB = 1024 ** 2;

/** What llama.cpp says that its context has: KV cache, compute and output buffers. */
function contextBytes(log: string): number {
  const sizes = [...log.matchAll(/^(?!.*model buffer).* buffer size = +([\d.]+) MiB$/gm)].map(([, mib]) => Number(mib));
  expect(sizes.length).toBeGreaterThanOrEqual(3);
  return sizes.reduce((sum, mib) => sum + mib * MIB, 0);
}

const calls = (name: string) => (stack: Stack) => stack.frames.some((frame) => frame.name.includes(name));

/** The oldest and the newest: test/native/carriers.test.ts has all of them. */
const nodes = NODES.filter(({ major, path }) => ['20', '26'].includes(major) && existsSync(path));

describe.skipIf(runtimesAreMissing() || nodes.length === 0).each(nodes)('Node $major', (node) => {
  test('a context of llama.cpp is in the arena in which the program made it', async () => {
    const flags = ['--sample-bytes', '16k'];
    const command = [node.path, ...COMMAND];
    const { profile, status, stderr } = await profileOf(join(root, node.major), command, { flags, moment: 'peak' });
    expect(status, stderr).toBe(0);
    const stacks = stacksOf(profile);
    const made = stacks.filter(calls('llama_init_from_model'));
    expect(inUse(made).bytes).toBeGreaterThan(0.95 * contextBytes(stderr));
    const labels = new Set(made.map(({ sample }) => `${sample.labels.arena} ${sample.labels.arena_source}`));
    expect([...labels]).toEqual(['llama-context#1 thread-pool']);
    // The weights were loaded before, on such a thread too; to make a context node-llama-cpp loads the model once more without them.
    const mapped = stacks
      .filter(calls('llama_model_load_from_file'))
      .filter(({ sample }) => sample.labels.heap !== 'libc.malloc');
    expect(mapped.length).toBeGreaterThan(0);
    expect(mapped.map(({ sample }) => sample.labels.pool)).not.toContain('llama-context');
  });
});
