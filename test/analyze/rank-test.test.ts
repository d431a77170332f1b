import { describe, expect, test } from 'vitest';
import { holm, leastP, rankSumP } from '../../src/analyze/rank-test.ts';

/** The definition: every choice of which pooled values are `now`'s, by brute force. */
function byEnumeration(base: readonly number[], now: readonly number[]): number {
  const pooled = [...base, ...now];
  const rank = (value: number): number =>
    pooled.filter((other) => other < value).length + pooled.filter((other) => other === value).length / 2;
  const observed = now.reduce((sum, value) => sum + rank(value), 0);
  let all = 0;
  let asHigh = 0;
  for (let choice = 0; choice < 1 << pooled.length; choice++) {
    const chosen = pooled.filter((_, i) => choice & (1 << i));
    if (chosen.length !== now.length) continue;
    all++;
    if (chosen.reduce((sum, value) => sum + rank(value), 0) >= observed - 1e-9) asHigh++;
  }
  return asHigh / all;
}

describe('rankSumP', () => {
  test('equals the definition, with and without ties', () => {
    const cases: [number[], number[]][] = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [1, 4, 2, 9],
        [3, 8, 7],
      ],
      [
        [5, 5, 5, 5],
        [5, 5, 6],
      ],
      [
        [1, 1, 2, 2, 3],
        [1, 2, 2, 3, 3, 3],
      ],
      [
        [7, 7, 7],
        [7, 7, 7],
      ],
      [[2], [1, 3, 5, 7]],
    ];
    for (const [base, now] of cases) {
      expect(rankSumP(base, now)).toBeCloseTo(byEnumeration(base, now), 12);
      expect(rankSumP(now, base)).toBeCloseTo(byEnumeration(now, base), 12);
    }
  });

  test('known values: 6 against 6 apart is 1 / C(12, 6), no difference is 1', () => {
    expect(rankSumP([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12])).toBeCloseTo(1 / 924, 12);
    expect(leastP(6, 6)).toBeCloseTo(1 / 924, 12);
    expect(leastP(10, 3)).toBeCloseTo(1 / 286, 12);
    expect(rankSumP([3, 3, 3], [3, 3])).toBe(1);
    expect(rankSumP([], [1])).toBe(1);
  });
});

test("Holm's steps: each p has its own bound, and the first above it ends the list", () => {
  expect(holm([0.01, 0.04, 0.03, 0.005], 0.05)).toEqual([true, false, false, true]);
  expect(holm([0.024, 0.026], 0.05)).toEqual([true, true]);
  expect(holm([0.03, 0.03], 0.05)).toEqual([false, false]);
  expect(holm([], 0.05)).toEqual([]);
});
