import { describe, expect, test } from 'vitest';
import { liveByOwner, mappedByOwner } from '../../src/analyze/ledger-owners.ts';
import { randomNumbers } from '../helpers/random.ts';

const MIB = 1 << 20;
const sampled = (pool: string, arena: string, mib: number, deviationMib: number) => ({
  pool,
  arena,
  bytes: mib * MIB,
  bytesVariance: (deviationMib * MIB) ** 2,
});

describe('what is live, by pool and arena', () => {
  test('the samples’ shares of the exact total', () => {
    const owners = [sampled('kv', 'a', 45, 1), sampled('kv', 'b', 15, 1), sampled('', '', 40, 2)];
    const lines = liveByOwner(100 * MIB, owners);
    expect(lines.map(({ name, title, bytes, certainty }) => [name, title, bytes / MIB, certainty])).toEqual([
      ['pool', 'kv', 60, 'estimated'],
      ['unnamed', 'no pool is known', 40, 'estimated'],
    ]);
    expect(lines[0]?.parts.map(({ name, title, bytes }) => [name, title, bytes / MIB])).toEqual([
      ['arena', 'a', 45],
      ['arena', 'b', 15],
    ]);
  });

  test('whole bytes, whose sum is the total', () => {
    const owners = ['a', 'b', 'c'].map((pool) => sampled(pool, 'x', 1, 0.1));
    const lines = liveByOwner(100, owners);
    expect(lines.map(({ bytes }) => bytes)).toEqual([34, 33, 33]);
  });

  test('who has everything has it exactly, and nobody has nothing', () => {
    expect(liveByOwner(100 * MIB, [sampled('kv', 'a', 30, 5)])).toMatchObject([{ bytes: 100 * MIB, errorBytes: 0 }]);
    expect(liveByOwner(100 * MIB, [sampled('', '', 30, 5)])).toEqual([]);
    expect(liveByOwner(100 * MIB, [])).toEqual([]);
    expect(liveByOwner(0, [sampled('kv', 'a', 30, 5)])).toEqual([]);
  });

  test('of many pools the small ones are added up', () => {
    const owners = Array.from({ length: 40 }, (_, i) => sampled(`p${i}`, '', 41 - i, 1));
    const lines = liveByOwner(820 * MIB, owners);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)?.title).toBe('29 more');
    expect(lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(820 * MIB);
  });

  test('the error bar holds the truth in 95 of 100 runs of a simulated sampler', () => {
    // 3,000 blocks of pool a and 9,000 of others, 1 KiB each, of which each is a sample with probability 1/20: 0.95 +- 0.0049 (1 SD) of 2,000 runs.
    const random = randomNumbers(7919);
    const draw = (blocks: number): number => {
      let count = 0;
      for (let i = 0; i < blocks; i++) if (random(20) === 0) count++;
      return count;
    };
    const owner = (pool: string, count: number) => ({
      pool,
      arena: '',
      bytes: count * 20 * 1024,
      bytesVariance: count * 0.95 * 400 * 1024 * 1024,
    });
    let held = 0;
    for (let run = 0; run < 2000; run++) {
      const lines = liveByOwner(12_000 * 1024, [owner('a', draw(3000)), owner('b', draw(9000))]);
      const line = lines.find(({ title }) => title === 'a');
      if (Math.abs((line?.bytes ?? 0) - 3000 * 1024) <= (line?.errorBytes ?? 0)) held++;
    }
    expect(held / 2000).toBeGreaterThan(0.95 - 5 * 0.0049);
  });
});

test('blocks mapped on their own are whose sample is in them; the others are nobody’s, and say so', () => {
  const lines = mappedByOwner(100 * MIB, [
    { pool: 'kv', arena: 'a', bytes: 60 * MIB },
    { pool: '', arena: '', bytes: 40 * MIB },
  ]);
  expect(lines).toMatchObject([
    { name: 'pool', title: 'kv', bytes: 60 * MIB, certainty: 'measured', errorBytes: 0 },
    { name: 'unnamed', bytes: 40 * MIB, certainty: 'unknown' },
  ]);
});
