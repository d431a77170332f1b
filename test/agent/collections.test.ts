/** Pauses of V8's collector and the size of its heap, from the callbacks that native/src/collections.c asks V8 for. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GC_KINDS } from '../../src/model/moments.ts';
import type { Profile } from '../../src/model/profile.ts';
import { scratch } from '../cli/run-cli.ts';
import { FIXTURES, NODES, profileOf } from '../e2e/helpers.ts';

interface Observed {
  /** v8::GCType. */
  readonly kind: number;
  readonly flags: number;
  readonly durationNs: number;
}

const FORCED = 4;
const MIB = 1 << 20;

function pausesOf({ pauses }: Profile, threadId: number, isForced: boolean) {
  return pauses.filter((pause) => pause.threadId === threadId && (pause.cause === 'forced') === isForced);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

describe.each(NODES)('Node $major', ({ path }) => {
  test("forced collections of two isolates are those that perf_hooks saw, and the profiler's own are not among them", async () => {
    const { profile, stdout, stderr, status } = await profileOf(join(scratch(), 'out'), [
      path,
      '--expose-gc',
      join(FIXTURES, 'collections/observed.mjs'),
    ]);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('COLLECTIONS')]);
    const observed: Observed[][] = JSON.parse(stdout.split('\n')[0] ?? '');
    observed.forEach((truth, threadId) => {
      const forced = truth.filter(({ flags }) => flags === FORCED);
      const own = pausesOf(profile, threadId, true);
      expect(own.map(({ kind }) => 1 << GC_KINDS.indexOf(kind))).toEqual(forced.map(({ kind }) => kind));
      expect(own).toHaveLength(threadId === 0 ? 18 : 8);
      // Either may be held up between the two callbacks; not half of them.
      const ratios = own.map(({ durationNs }, i) => durationNs / (forced[i]?.durationNs ?? 0));
      expect(median(ratios)).toBeGreaterThan(0.5);
      expect(median(ratios)).toBeLessThan(2);
      // Those that nobody forced: perf_hooks was there for a part of them.
      const kinds = pausesOf(profile, threadId, false).map(({ kind }) => kind);
      for (const { kind, flags } of truth) if (flags !== FORCED) expect(kinds).toContain(GC_KINDS[Math.log2(kind)]);
    });
    for (const use of profile.collections) {
      const pauses = profile.pauses.filter(({ threadId, kind }) => threadId === use.threadId && kind === use.kind);
      const durations = pauses.map(({ durationNs }) => durationNs).sort((a, b) => a - b);
      expect(use).toMatchObject({ pauses: pauses.length, maxNs: durations.at(-1) });
      expect(use.p50Ns).toBe(durations[Math.ceil(durations.length / 2) - 1]);
      expect(use.totalNs).toBeCloseTo(durations.reduce((sum, one) => sum + one, 0));
    }
    expect(new Set(profile.gauges.map(({ thread }) => thread))).toEqual(new Set([undefined, 'main', 'worker 1']));
  });

  test('the size of the heap at the end is what the program reads itself', async () => {
    // 40 MiB: the agent collects before it writes the last profile, which is no pause of the program's.
    const program = `
      const { getHeapStatistics } = require('node:v8');
      globalThis.kept = Array.from({ length: 400_000 }, (_, i) => ({ i, text: [i, i] }));
      process.on('exit', () => {
        const { used_heap_size, total_heap_size } = getHeapStatistics();
        process.stdout.write(JSON.stringify({ used_heap_size, total_heap_size }) + '\\n');
      });`;
    const { profile, stdout } = await profileOf(join(scratch(), 'out'), [path, '-e', program]);
    const { used_heap_size: used, total_heap_size: total } = JSON.parse(stdout.split('\n')[0] ?? '');
    expect(used).toBeGreaterThan(20 * MIB);
    const values = (name: string) => profile.gauges.find((gauge) => gauge.name === name)?.points ?? [];
    expect(values('v8_used').some(({ value }) => value >= used && value < used + MIB)).toBe(true);
    expect(values('v8_total').some(({ value }) => Math.abs(value - total) <= MIB)).toBe(true);
    expect(profile.pauses.filter(({ cause }) => cause === 'forced')).toEqual([]);
  });
});

const [node20] = NODES;

test('without addons there are no pauses, one line says so, and the program does not notice', async () => {
  const command = [node20?.path ?? '', '--no-addons', '-e', 'console.log(1 + 1)'];
  const { profile, status, stdout } = await profileOf(join(scratch(), 'out'), command);
  expect([status, stdout.split('\n')[0]]).toEqual([0, '2']);
  expect(profile.pauses).toEqual([]);
  expect(profile.notices.filter(({ code }) => code === 'COLLECTIONS_UNSEEN')).toHaveLength(1);
});

test('who asks for no native samples gets no pauses and no line', async () => {
  const command = [node20?.path ?? '', '-e', '0'];
  const { profile } = await profileOf(join(scratch(), 'out'), command, { flags: ['--no-native'] });
  expect(profile.pauses).toEqual([]);
  expect(profile.notices.map(({ code }) => code)).not.toContain('COLLECTIONS_UNSEEN');
});
