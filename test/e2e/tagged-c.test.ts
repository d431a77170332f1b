/** memprof.h from the program to the reports: exact bytes by arena, lives, heaps of the program's own, and the raw tags. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Labels } from '../../src/model/profile.ts';
import { memprof, scratch } from '../cli/run-cli.ts';
import { program } from '../native/programs.ts';
import { profileOf } from './helpers.ts';

/** Of blocks that large, all are sampled, and each stands for itself. */
const EVERY_BLOCK = ['--sample-bytes', '256', '--max-samples-per-second', '1000000'];

it.each([
  { end: 'that ends', args: [] },
  { end: 'that is killed', args: ['kill'] },
])('a program $end', async ({ args }) => {
  const folder = join(scratch(), 'out');
  const { profile } = await profileOf(folder, [program('tagged'), 'known', ...args], { flags: EVERY_BLOCK });
  const bytesOf = (is: Partial<Labels>): number =>
    profile.samples
      .filter(({ labels }) => Object.entries(is).every(([name, value]) => Reflect.get(labels, name) === value))
      .reduce((total, { values }) => total + values[3], 0);
  expect(bytesOf({ arena: 'kv-cache#1', heap: 'libc.malloc' })).toBe(3 * 100_003 + 3 * 100_019 + 100_129);
  expect(bytesOf({ arena: 'kv-cache#1', heap: 'mmap' })).toBe(32 * 4096);
  expect(bytesOf({ arena: 'kv-cache#2' })).toBe(2 * 100_043);
  expect(bytesOf({ pool: 'weights' })).toBe(20 * 100_057);
  expect(bytesOf({ stage: 'prefill' })).toBe(3 * 100_019 + 100_129);
  expect(bytesOf({ label: 'tenant=acme' })).toBe(100_129);
  expect(new Set(profile.samples.filter(({ labels }) => labels.pool).map(({ labels }) => labels.arena_source))).toEqual(
    new Set(['c']),
  );
  const second = profile.arenas.find(({ arena }) => arena === 'kv-cache#2');
  expect(second).toMatchObject({ liveBytes: 2 * 100_043, liveAfterReleaseBytes: 2 * 100_043 });
  expect(profile.arenas.find(({ arena }) => arena === 'kv-cache#1')?.freedElsewhereBytes).toBe(100_003 + 8 * 4096);
  expect(profile.pools.find(({ pool }) => pool === 'kv-cache')).toMatchObject({
    budgetBytes: 5_000_011,
    arenas: 2,
    hits: 11,
    misses: 7,
  });
});

it('a heap of the program is a heap of the report, and what it is made of is counted no more', async () => {
  const folder = join(scratch(), 'out');
  const { profile } = await profileOf(folder, [program('tagged'), 'heap'], { flags: EVERY_BLOCK });
  const inUse = (heap: string): number =>
    profile.samples.filter(({ labels }) => labels.heap === heap).reduce((total, { values }) => total + values[3], 0);
  expect(inUse('custom:slab')).toBe(6 * 90_001 + 50_021);
  expect(inUse('mmap')).toBe(16 * 4096);
  expect(inUse('libc.malloc')).toBeLessThan(10_000);
  expect(profile.samples.filter(({ values }) => values.some((value) => value < 0))).toEqual([]);

  // Blocks side by side are told apart; the slab that they lie in was no memory of the arena.
  expect(profile.arenas.find(({ arena }) => arena === 'kv-cache#2')).toMatchObject({
    liveBytes: 0,
    allocatedBytes: expect.closeTo(10 * 10_007, 3),
    churnBytes: expect.closeTo(10 * 10_007, 3),
    freedElsewhereBytes: 0,
  });

  const file = readdirSync(folder).find((name) => name.endsWith('.mpr')) ?? 'none';
  const { stdout } = await memprof(['parse', join(folder, file)]);
  const lines = stdout.split('\n').filter((line) => line.includes('"region":"tags"'));
  const tags = lines.flatMap((line) => JSON.parse(line).tags);
  expect(tags).toContainEqual(expect.objectContaining({ kind: 'heap', name: 'slab' }));
  expect(tags).toContainEqual(expect.objectContaining({ kind: 'pool', name: 'kv-cache', ordinal: 2 }));
});
