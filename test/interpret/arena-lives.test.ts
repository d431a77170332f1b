import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import type { Profile } from '../../src/model/profile.ts';
import { recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { serverRecording } from '../helpers/server-recording.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('lives');
const STARTED_NS = 1_700_000_000_000_000_000n;
const at = (seconds: number): bigint => STARTED_NS + BigInt(Math.round(seconds * 1e9));

let count = 0;
const build = (...files: Buffer[]): Promise<Profile> =>
  buildProfile(
    writeRecording(join(root, `r${count++}`), Object.fromEntries(files.map((bytes, i) => [`${i}.0.mpr`, bytes]))),
  );

describe('the lives of arenas', () => {
  const profile = build(serverRecording());

  test('tell what was made, allocated, released and freed when', async () => {
    const { arenas } = await profile;
    const arena = (name: string) => arenas.find((one) => one.arena === name);
    expect(arena('kv-cache#1')).toMatchObject({
      pool: 'kv-cache',
      source: 'cped',
      createdNs: at(1),
      releasedNs: at(6),
      lastAllocationNs: at(1),
      lastFreedNs: at(6),
      peakBytes: 1_000_003,
      allocatedBytes: 1_000_003,
      liveBytes: 0,
      churnBytes: 0,
    });
    expect(arena('kv-cache#2')).toMatchObject({ releasedNs: 0n, lastFreedNs: 0n, liveBytes: 1_000_003 });
    expect(arena('request#2')).toMatchObject({ lastFreedNs: at(15.525), liveBytes: 0, freedElsewhereBytes: 200_003 });
    expect(arena('request#3')).toMatchObject({ lastFreedNs: 0n, liveAfterReleaseBytes: 200_003 });
    expect(arena('request#4')).toMatchObject({ churnBytes: 200_003, freedElsewhereBytes: 0 });
    expect(arena('request#5')).toMatchObject({ doubleReleases: 1 });
    const allocated = Array.from({ length: 40 }, (_, i) => 2 * (30_011 + i)).reduce((a, b) => a + b, 0);
    expect(arena('tensor-pool#1')).toMatchObject({ source: 'leaf', allocatedBytes: allocated, churnBytes: allocated });
    // Of each tensor half was sampled: 1/p = 2, (1 - p) / p^2 = 2.
    expect(arena('tensor-pool#1')?.sampling.peakBytes).toEqual({
      exactBytes: 0,
      variance: 2 * 30_050 ** 2,
      objects: 2,
      objectsVariance: 2,
    });
    expect(arena('glibc#0')).toMatchObject({ pool: '', source: 'allocator', createdNs: 0n, liveBytes: 70_049 });
  });

  test('add up in pools', async () => {
    const { pools } = await profile;
    expect(pools).toMatchObject([
      {
        pool: 'kv-cache',
        budgetBytes: 2_097_152,
        ...{ arenas: 4, releasedArenas: 1, holdingArenas: 3, peakArenas: 4, lateArenas: 0, sizes: 1 },
        ...{ hits: 1, misses: 4, peakBytes: 4_000_012, liveBytes: 3_000_009, liveAfterReleaseBytes: 0 },
      },
      { pool: 'tensor-pool', hits: 0, misses: 40, sizes: 40, peakArenas: 1, holdingArenas: 0, peakBytes: 60_100 },
      {
        pool: 'request',
        ...{ arenas: 30, releasedArenas: 30, holdingArenas: 1, peakArenas: 4, lateArenas: 2, doubleReleases: 1 },
        ...{ longestHeldNs: 10_465_000_000n, liveAfterReleaseBytes: 200_003, freedElsewhereBytes: 200_003 },
      },
    ]);
  });

  test('agree with the samples of the profile, arena by arena', async () => {
    const { arenas, samples } = await profile;
    for (const { arena, pool, liveBytes, allocatedBytes } of arenas) {
      const own = samples.filter(({ labels }) => labels.arena === arena && (labels.pool ?? '') === pool);
      expect(
        own.reduce((sum, { values }) => sum + values[3], 0),
        arena,
      ).toBe(liveBytes);
      expect(
        own.reduce((sum, { values }) => sum + values[1], 0),
        arena,
      ).toBe(allocatedBytes);
    }
  });

  test('have the error bars of the samples', async () => {
    for (const { arena, inuse_space, alloc_space, life } of summarize(await profile, { memprofVersion: '0' }).arenas
      .rows) {
      if (life === undefined) continue;
      expect(life.allocatedBytes, arena).toEqual(alloc_space);
      expect(life.liveBytes, arena).toEqual(inuse_space);
    }
  });

  test('over time have the peak and the end that are told of them', async () => {
    const { arenas, pools, gauges } = await profile;
    const uses = [...arenas.filter(({ arena }) => arena !== ''), ...pools].filter(({ peakBytes }) => peakBytes > 0);
    expect(uses.length).toBeGreaterThan(30);
    for (const use of uses) {
      const arena = 'arena' in use ? use.arena : undefined;
      const own = gauges.filter((one) => one.name === 'live' && one.arena === arena && (one.pool ?? '') === use.pool);
      expect([use.pool, arena, own.length]).toEqual([use.pool, arena, 1]);
      const values = own.flatMap(({ points }) => points.map(({ value }) => value));
      expect([Math.max(...values), values.at(-1)]).toEqual([Math.round(use.peakBytes), Math.round(use.liveBytes)]);
    }
  });

  test('are marked where they begin and end, by time', async () => {
    const { arenas, marks } = await profile;
    const times = (kind: string) =>
      marks.filter((mark) => mark.kind === kind).map(({ name, timeNs }) => `${name} ${timeNs}`);
    const made = arenas.filter(({ createdNs }) => createdNs > 0n);
    const released = arenas.filter(({ releasedNs }) => releasedNs > 0n);
    expect(times('arena-created').sort()).toEqual(made.map(({ arena, createdNs }) => `${arena} ${createdNs}`).sort());
    expect(times('arena-released').sort()).toEqual(
      released.map(({ arena, releasedNs }) => `${arena} ${releasedNs}`).sort(),
    );
    expect(marks.every(({ timeNs }, i) => i === 0 || timeNs >= (marks[i - 1]?.timeNs ?? 0n))).toBe(true);
    expect(times('peak')).toHaveLength(1);
  });

  test('are those of the whole recording, whatever moment is shown', async () => {
    const directory = writeRecording(join(root, 'moment'), { '1.0.mpr': serverRecording() });
    const [end, peak] = [await buildProfile(directory), await buildProfile(directory, { moment: 'peak' })];
    expect(peak.arenas).toEqual(end.arenas);
    expect(peak.pools).toEqual(end.pools);
  });

  test('are of each process on its own', async () => {
    const other = recordProcess(4712);
    other.process({ parentPid: 4711, forked: true });
    const pool = other.tag({ kind: 'pool', name: 'kv-cache', ordinal: 1 });
    const arena = other.tag({ kind: 'arena', parent: pool, ordinal: 1 });
    other.alloc({ site: other.site({ stack: [other.native(0x10n)], tag: arena }), size: 4001 });
    other.snapshot('end');
    const { arenas, pools } = await build(serverRecording(), other.bytes());
    expect(arenas.filter(({ arena: name }) => name === 'kv-cache#1')).toMatchObject([
      { pid: 4711, liveBytes: 0 },
      { pid: 4712, liveBytes: 4001 },
    ]);
    expect(pools.filter(({ pool: name }) => name === 'kv-cache').map(({ pid }) => pid)).toEqual([4711, 4712]);
  });
});

test('nobody named an arena: there is nothing to tell', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  recorder.alloc({ site: recorder.site({ stack: [recorder.native(0x10n)] }), size: 4001 });
  recorder.snapshot('end');
  expect(await build(recorder.bytes())).toMatchObject({ arenas: [], pools: [] });
});

test('an arena without memory, one of a pool that is not there, and bytes of a pool outside its arenas', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const pool = recorder.tag({ kind: 'pool', name: 'kv', ordinal: 70_000, folded: 5 });
  const empty = recorder.tag({ kind: 'arena', parent: pool, ordinal: 1 });
  recorder.tag({ kind: 'arena', parent: 77, ordinal: 2 });
  const site = recorder.site({ stack: [recorder.native(0x10n)], tag: pool });
  recorder.alloc({ site, size: 4001 });
  recorder.release(empty);
  recorder.snapshot('end');
  const { arenas, pools } = await build(recorder.bytes());
  expect(arenas).toMatchObject([
    { pool: 'kv', arena: 'kv#1', peakBytes: 0, allocatedBytes: 0 },
    { pool: 'kv', arena: '', liveBytes: 4001 },
  ]);
  expect(arenas[0]).not.toHaveProperty('source');
  expect(pools).toMatchObject([{ pool: 'kv', arenas: 70_000, folded: 5, holdingArenas: 0, liveBytes: 4001 }]);
});

test('after lost events live and allocated bytes are those of the tables, the rest is at least what is shown', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const pool = recorder.tag({ kind: 'pool', name: 'kv' });
  const arena = recorder.tag({ kind: 'arena', parent: pool, ordinal: 1 });
  const site = recorder.site({ stack: [recorder.native(0x10n)], tag: arena });
  recorder.alloc({ site, size: 1009 });
  recorder.loseEvents(7);
  recorder.alloc({ site, size: 300_007 });
  recorder.snapshot('end');
  const { arenas, notices } = await build(recorder.bytes());
  expect(arenas).toMatchObject([{ liveBytes: 301_016, allocatedBytes: 301_016, peakBytes: 301_016 }]);
  expect(notices).toContainEqual(expect.objectContaining({ code: 'ARENAS_AT_LEAST', pid: 4711 }));
});
