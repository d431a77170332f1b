import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ALLOC_SPACE } from '../../src/model/profile.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { FIXTURES, NODES, profileOf, stacksOf } from './helpers.ts';

const root = temporaryDirectory('labelled');
const program = join(FIXTURES, 'api/labelled.mjs');
const nodes = NODES.filter(({ path }) => existsSync(path));
if (nodes.length === 0) console.warn('skipped: no Node in fixtures/nodes: node fixtures/install.mjs');

const KV = 'kv-cache';
/** What the Buffers of each function of fixtures/api/labelled.mjs must carry. */
const TRUTH: Record<string, Record<string, string>> = {
  inOne: { pool: KV, arena: 'kv-cache#1' },
  inTwo: { pool: KV, arena: 'kv-cache#2' },
  inStage: { pool: KV, arena: 'kv-cache#1', stage: 'decode', label: 'tenant=acme' },
  inLeaf: { pool: KV, arena: 'kv-cache#2', arena_source: 'leaf' },
  inStream: { pool: KV, arena: 'kv-cache#1' },
  afterError: { pool: KV, arena: 'kv-cache#2' },
  afterRelease: { pool: 'late', arena: 'late#1' },
  inContext: { pool: KV, arena: 'kv-cache#1' },
  inWorker: { pool: KV, arena: 'kv-cache#3' },
};
const WITHOUT_ARENA = ['inBody', 'withoutArena'];
/** How the context of an asynchronous function is found on each Node. */
const SOURCES: Record<string, readonly string[]> = { 20: ['ring'], 22: ['smi', 'ring'], 24: ['cped'], 26: ['cped'] };

describe.skipIf(nodes.length === 0).each(nodes)('Node $major', ({ major, path }) => {
  test('Buffers carry arena, stage and labels, also after awaits, in streams, workers and vm contexts', {
    timeout: 180_000,
  }, async () => {
    // At 2 KiB a block of 10,007 bytes is sampled with 99.2 %: the ratio of the sums below has a standard deviation of 0.05, a tenth of its bound.
    const flags = ['--sample-bytes', '2k', '--max-samples-per-second', '100000'];
    const { profile, status, stderr } = await profileOf(join(root, major), [path, program], { flags });
    expect(status, stderr).toBe(0);
    const stacks = stacksOf(profile).filter(({ sample }) => sample.labels.heap === 'libc.malloc');
    const of = (name: string) =>
      stacks.filter(({ frames }) => {
        const names = frames.map((frame) => frame.name.split('.').at(-1));
        return names.includes(name) && names.includes('allocate');
      });
    const bytes = (all: typeof stacks) => all.reduce((sum, { sample }) => sum + sample.values[ALLOC_SPACE], 0);

    for (const [name, truth] of Object.entries(TRUTH)) {
      const made = of(name);
      expect(bytes(made), name).toBeGreaterThan(300_000);
      for (const { sample } of made) expect(sample.labels, name).toMatchObject(truth);
    }
    for (const name of WITHOUT_ARENA) {
      expect(bytes(of(name)), name).toBeGreaterThan(300_000);
      for (const { sample } of of(name)) expect(String(sample.labels.pool), name).not.toMatch(/kv-cache|late/);
    }
    expect(bytes(of('inOne')) / bytes(of('inTwo'))).toBeCloseTo(4, 0);
    for (const { sample } of of('inOne')) expect(SOURCES[major]).toContain(sample.labels.arena_source);

    expect(profile.arenas.find(({ arena }) => arena === 'late#1')).toMatchObject({
      doubleReleases: 1,
      usesAfterRelease: 1,
    });
    expect(profile.pools.find(({ pool }) => pool === KV)).toMatchObject({ budgetBytes: 1 << 20, arenas: 3 });
  });
});
