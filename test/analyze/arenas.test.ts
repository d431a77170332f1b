import { describe, expect, it } from 'vitest';
import { arenasAndPools } from '../../src/analyze/arenas.ts';
import { arenaUse, poolUse, sampledUse } from '../helpers/arenas.ts';
import { inferenceProfile, js, makeProfile, poolProfile } from '../helpers/profiles.ts';

const MIB = 1_048_576;
const stack = [js('f', 'a.js', 1)];
const inUse = (bytes: number, labels: object) => ({ stack, values: [1, bytes, 1, bytes] as const, labels });

describe('arenas and pools of a summary', () => {
  it('join what is in use with the lives, V8 and native memory of an arena in one row', () => {
    const profile = makeProfile(
      [
        inUse(7, { pool: 'kv', arena: 'kv#1' }),
        inUse(5, { pool: 'kv', arena: 'kv#1', heap: 'v8' }),
        inUse(3, { pool: 'kv' }),
        inUse(2, { arena: 'glibc#0', arena_source: 'allocator' }),
      ],
      {
        arenas: [arenaUse('kv', 1, { peakBytes: 9 }), arenaUse('kv', 2, { peakBytes: 8 })],
        pools: [poolUse('kv', { arenas: 2, misses: 4 })],
      },
    );
    const { arenas, pools } = arenasAndPools(profile);
    expect(
      arenas.rows.map(({ arena, inuse_space, life }) => [arena, inuse_space.value, life?.peakBytes.value]),
    ).toEqual([
      ['kv#1', 12, 9],
      ['', 3, undefined],
      ['kv#2', 0, 8],
      ['glibc#0', 2, undefined],
    ]);
    expect(pools.rows).toMatchObject([{ pool: 'kv', inuse_space: { value: 15 }, life: { arenas: 2, misses: 4 } }]);
    expect(arenas.folded).toEqual([]);
  });

  it('fold long lists into sums, and lose no byte', () => {
    const requests = Array.from({ length: 187 }, (_, i) =>
      inUse(i + 1, { pool: 'request', arena: `request#${i + 1}` }),
    );
    const tenants = Array.from({ length: 300 }, (_, i) => inUse(1, { pool: `t${i}`, arena: `t${i}#1` }));
    const profile = makeProfile([...requests, ...tenants], {
      arenas: [arenaUse('request', 3, { peakBytes: 99, allocatedBytes: 101 })],
    });
    const { arenas, pools } = arenasAndPools(profile);
    const shown = arenas.rows.reduce((sum, { inuse_space }) => sum + (inuse_space.value ?? 0), 0);
    const folded = arenas.folded.reduce((sum, { inuseBytes }) => sum + inuseBytes, 0);
    expect(shown + folded).toBe((187 * 188) / 2 + 300);
    expect(arenas.rows.length + arenas.folded.reduce((sum, entry) => sum + entry.arenas, 0)).toBe(487);
    expect(arenas.folded[0]).toMatchObject({ pool: 'request', arenas: 167, largestPeakBytes: 99 });
    expect(arenas.folded[1]).toMatchObject({ pools: 201, arenas: 201 });
    expect(pools.rows.length + pools.folded).toBe(301);
  });

  it('have error bars: none where all is exact, and room for what was not seen where it is sampled', () => {
    // 16 samples of 1 KiB that stand for 64 KiB each.
    const sampling = sampledUse(1_024, 1_024, 1 / 64);
    const profile = makeProfile([], {
      arenas: [
        arenaUse('kv', 1, { peakBytes: MIB, allocatedBytes: MIB, sampling }),
        arenaUse('kv', 2, { peakBytes: MIB, allocatedBytes: MIB }),
      ],
    });
    const [sampled, exact] = arenasAndPools(profile).arenas.rows;
    expect(exact?.life?.peakBytes).toEqual({ kind: 'measured', value: MIB, low: MIB, high: MIB });
    expect(sampled?.life?.peakBytes).toMatchObject({ kind: 'estimated', value: MIB });
    expect(sampled?.life?.peakBytes.low).toBeLessThan(0.7 * MIB);
    // Nothing is left that anybody saw.
    expect(sampled?.life?.liveBytes).toMatchObject({ kind: 'estimated', value: 0, low: 0 });
    expect(sampled?.life?.liveBytes.high).toBeGreaterThan(2.9 * 65_536);
  });

  it('keep processes apart', () => {
    const { arenas } = arenasAndPools(
      makeProfile([
        inUse(7, { pool: 'kv', arena: 'kv#1', pid: 101 }),
        inUse(5, { pool: 'kv', arena: 'kv#1', pid: 103 }),
      ]),
    );
    expect(arenas.rows.map(({ arena, pid }) => [arena, pid])).toEqual([
      ['kv#1', 101],
      ['kv#1', 103],
    ]);
  });

  it('tell how much nobody named', () => {
    expect(arenasAndPools(inferenceProfile()).unnamed.share).toBeCloseTo(142 / 173, 3);
    const named = poolProfile().samples.map(({ values, labels }) => ({
      stack,
      values,
      labels: { ...labels, arena_source: 'rule' as const },
    }));
    expect(arenasAndPools(makeProfile(named)).unnamed).toMatchObject({ share: 0, inuse_space: { value: 0 } });
  });

  it('order arenas of one size by their number', () => {
    const arenas = [10, 9, 2, 1].map((number) => arenaUse('kv', number));
    expect(arenasAndPools(makeProfile([], { arenas })).arenas.rows.map(({ arena }) => arena)).toEqual([
      'kv#1',
      'kv#2',
      'kv#9',
      'kv#10',
    ]);
  });
});
