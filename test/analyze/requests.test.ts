import { expect, it } from 'vitest';
import { lineThrough, requestUses } from '../../src/analyze/requests.ts';
import type { Gauge } from '../../src/model/profile.ts';
import { makeProfile } from '../helpers/profiles.ts';
import { randomNumbers } from '../helpers/random.ts';

const SECOND = 1_000_000_000n;

/** 97 requests, one a second, and bytes as a function of how many there were. */
function profileOf(bytesAt: (requests: number) => number) {
  const gauge = (name: string, value: (requests: number) => number, more: Partial<Gauge> = {}): Gauge => ({
    name,
    unit: name === 'requests' ? 'count' : 'bytes',
    pid: 4711,
    points: Array.from({ length: 97 }, (_, i) => ({ timeNs: BigInt(i + 1) * SECOND, value: value(i + 1) })),
    ...more,
  });
  return makeProfile([], {
    gauges: [
      gauge('rss', (n) => 50_000_017 + bytesAt(n)),
      gauge('malloc_live_estimate', bytesAt),
      gauge('live', bytesAt, { pool: 'kv-cache' }),
      gauge('live', bytesAt, { pool: 'kv-cache', arena: 'kv-cache#1' }),
      gauge('requests', (n) => n),
    ],
  });
}

it('a leak of 65,537 bytes a request is that slope, in RSS, in malloc and in its pool', () => {
  const next = randomNumbers(7);
  const [use] = requestUses(profileOf((n) => 65_537 * n + next(40_000)));
  expect(use).toMatchObject({ pid: 4711, requests: 97 });
  expect(use?.growth.map(({ of, pool }) => [of, pool])).toEqual([
    ['rss', undefined],
    ['malloc', undefined],
    ['pool', 'kv-cache'],
  ]);
  for (const { bytesPerRequest, r2 } of use?.growth ?? []) {
    // Noise of 11,500 bytes on 73 points that spread by 21 requests: the slope is known to 64 bytes; 5 of that.
    expect(Math.abs(bytesPerRequest - 65_537)).toBeLessThan(320);
    expect(r2).toBeGreaterThan(0.99);
  }
});

it('a cache that is full after the first requests is no growth', () => {
  const [use] = requestUses(profileOf((n) => 10_000_019 * Math.min(1, n / 20)));
  expect(use?.growth.every(({ bytesPerRequest }) => bytesPerRequest === 0)).toBe(true);
});

it('nobody counted: nothing; too few: no slope', () => {
  expect(requestUses(makeProfile([], {}))).toEqual([]);
  const profile = profileOf((n) => n);
  const few = profile.gauges.map((gauge) => ({ ...gauge, points: gauge.points.slice(0, 19) }));
  expect(requestUses({ ...profile, gauges: few })).toEqual([{ pid: 4711, requests: 19, growth: [] }]);
});

it('least squares', () => {
  const points = Array.from({ length: 11 }, (_, x) => [x, 3 + 7 * x] as const);
  expect(lineThrough(points)).toEqual({ bytesPerRequest: 7, r2: 1 });
  expect(lineThrough(points.slice(0, 7))).toBeUndefined();
  expect(lineThrough(points.map(() => [5, 1] as const))).toBeUndefined();
});
