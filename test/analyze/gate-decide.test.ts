import { describe, expect, test } from 'vitest';
import { decide, looks } from '../../src/analyze/gate-decide.ts';
import { seriesOf } from '../../src/analyze/gate-series.ts';
import type { Budget, GateRun, Measured } from '../../src/model/gate.ts';
import { randomNumbers } from '../helpers/random.ts';

const MIB = 1 << 20;
const tolerance = { bytes: 256 << 10, share: 0.03 };
const plan = { first: 6, most: 12 };

/** Standard normal numbers from a seed (Box & Muller). */
function normals(seed: number): () => number {
  const next = randomNumbers(seed);
  const uniform = (): number => (next(1_000_003) + 1) / 1_000_004;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** A program of nested measures as real ones have: two arenas, their pools and heap, V8's objects that are noisy, the total. */
function runs(count: number, normal: () => number, kvMiB = 40): GateRun[] {
  return Array.from({ length: count }, () => {
    const kv = kvMiB * MIB * (1 + 0.004 * normal());
    const tensors = 12 * MIB * (1 + 0.01 * normal());
    const objects = 20 * MIB * (1 + 0.06 * normal());
    const native = kv + tensors;
    const live = (scope: Measured['scope'], name: string, value: number): Measured => ({
      scope,
      name,
      quantity: 'live',
      value,
      variance: 0,
    });
    return {
      measures: [
        live('arena', 'kv-cache#1', kv),
        live('arena', 'tensors', tensors),
        live('pool', 'kv-cache', kv),
        live('pool', 'tensors', tensors),
        live('heap', 'libc.malloc', native),
        live('heap', 'v8', objects),
        live('total', '', native + objects),
        { ...live('pool', 'kv-cache', kv * 1.2), quantity: 'peak' },
        { ...live('total', '', 180 * MIB * (1 + 0.08 * normal())), quantity: 'rss' },
      ],
      sites: [],
      observations: 2000,
      faults: [],
    };
  });
}

/** A whole gate: run after run until it is decided. */
function gate(
  base: readonly GateRun[],
  now: readonly GateRun[],
  isInterleaved: boolean,
  budgets: readonly Budget[] = [],
) {
  for (let n = 1; ; n++) {
    const side = isInterleaved ? base.slice(0, n) : base;
    const decision = decide({
      base: { series: seriesOf(side), runs: side.length },
      runs: now.slice(0, n),
      budgets,
      tolerance,
      plan,
    });
    if (decision.verdict !== 'more') return { ...decision, runs: n };
  }
}

describe('simulated programs', () => {
  // 500 decisions each, 1 % of false alarms at most: 5, and 5 standard deviations above that are 16.
  test.each([true, false])('no change: false alarms (interleaved: %s)', (isInterleaved) => {
    const normal = normals(101);
    let alarms = 0;
    let passes = 0;
    for (let i = 0; i < 500; i++) {
      const { verdict } = gate(runs(12, normal), runs(12, normal), isInterleaved);
      if (verdict === 'regression') alarms++;
      if (verdict === 'pass') passes++;
    }
    expect(alarms).toBeLessThanOrEqual(16);
    expect(passes).toBeGreaterThan(475);
  });

  // 300 decisions: of 95 % at least 285, 5 standard deviations below are 266.
  test.each([true, false])(
    'an arena of 40 MiB that grows to 42 is found, and named (interleaved: %s)',
    (isInterleaved) => {
      const normal = normals(211);
      let found = 0;
      for (let i = 0; i < 300; i++) {
        const { verdict, comparisons } = gate(runs(12, normal), runs(12, normal, 42), isInterleaved);
        const grown = comparisons.filter((one) => one.verdict === 'grown').map(({ name }) => name);
        if (verdict === 'regression' && grown.includes('kv-cache#1') && !grown.includes('tensors')) found++;
      }
      expect(found).toBeGreaterThan(285);
    },
  );
});

/** Runs of a program whose figures are always the same. */
const steady = (count: number, kvMiB: number, fields: Partial<GateRun> = {}): GateRun[] =>
  runs(count, () => 0, kvMiB).map((run) => ({ ...run, ...fields }));

test('a clear case is decided after few runs', () => {
  expect(gate(steady(12, 40), steady(12, 40), true)).toMatchObject({ verdict: 'pass', runs: 4 });
  expect(gate(steady(12, 40), steady(12, 42), true)).toMatchObject({ verdict: 'regression', runs: 6 });
  expect(gate(steady(12, 40), steady(12, 30), true)).toMatchObject({ verdict: 'pass' });
  expect(gate(steady(12, 40), steady(12, 30), true).comparisons.find(({ name }) => name === 'kv-cache')).toMatchObject({
    verdict: 'shrunk',
  });
});

test('what cannot be trusted is never a pass', () => {
  const base = steady(12, 40);
  expect(gate(base, steady(12, 40, { faults: ['dropped_live 3'] }), true)).toMatchObject({
    verdict: 'inconclusive',
    reasons: ['run 1: dropped_live 3'],
  });
  expect(gate(base, steady(12, 40, { observations: 7 }), true).reasons[0]).toMatch(/7 samples are too few/);
});

test('growth that sampling may have done is no regression, and no pass', () => {
  const noisy = (mib: number) =>
    steady(12, mib).map((run) => ({
      ...run,
      measures: run.measures.map((one) => ({ ...one, variance: (20 * MIB) ** 2 })),
    }));
  const { verdict, comparisons } = gate(noisy(40), noisy(42), true);
  expect(verdict).toBe('pass');
  expect(comparisons.every((one) => !one.evidence.isBeyondSampling)).toBe(true);
  expect(comparisons.some((one) => one.verdict === 'unclear')).toBe(true);
});

test('too few runs for the ranks to tell: inconclusive', () => {
  const decision = decide({
    base: { series: seriesOf(steady(3, 40)), runs: 3 },
    runs: steady(3, 44),
    budgets: [],
    tolerance,
    plan: { first: 3, most: 3 },
  });
  expect(decision.verdict).toBe('inconclusive');
  expect(decision.reasons[0]).toContain('3 runs may be chance');
});

describe('budgets', () => {
  const budget: Budget = {
    scope: 'pool',
    name: 'kv-cache',
    quantity: 'live',
    limit: 41 * MIB,
    text: 'pools.kv-cache.liveBytes <= 41MiB',
  };
  test.each([
    [40, 'pass', 'kept'],
    [42, 'regression', 'exceeded'],
  ] as const)('%s MiB against 41: %s', (mib, verdict, result) => {
    const decision = decide({ runs: steady(4, mib), budgets: [budget], tolerance, plan });
    expect(decision).toMatchObject({ verdict, budgets: [{ verdict: result }] });
  });
  test('runs on both sides of the limit: inconclusive at the cap', () => {
    const mixed = [40, 42, 40, 42, 40, 42, 40, 42, 40, 42, 40, 42].flatMap((mib) => steady(1, mib));
    expect(decide({ runs: mixed, budgets: [budget], tolerance, plan })).toMatchObject({ verdict: 'inconclusive' });
  });
  test('a name that is nowhere is absent', () => {
    const absent = { ...budget, name: 'kv-cach' };
    expect(decide({ runs: steady(4, 40), budgets: [absent], tolerance, plan }).budgets[0]?.verdict).toBe('absent');
  });
});

test('the looks share one probability of a false alarm', () => {
  for (const [first, most] of [
    [6, 12],
    [5, 5],
    [6, 7],
    [5, 10],
  ] as const) {
    const all = [...looks({ first, most }).values()].reduce((sum, alpha) => sum + alpha, 0);
    expect(all).toBeCloseTo(0.01, 10);
  }
});
