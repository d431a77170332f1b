import { expect, it } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { js, makeProfile, testProcess } from '../helpers/profiles.ts';

const MIB = 2 ** 20;
const MEAN = 65_536;
const V8_MEAN = 524_288;
const process = testProcess({ nativeMeanBytes: MEAN, nativeMeanAtEndBytes: MEAN, v8IntervalBytes: V8_MEAN });
const stack = (name: string) => [js(name, 'src/a.mjs', 3)];
/** One tensor: seen for certain, so that its sample has no variance. */
const TENSOR = {
  stack: stack('tensor'),
  values: [1, MIB, 1, MIB],
  observations: 1,
  labels: { heap: 'libc.malloc' },
} as const;

const total = (samples: Parameters<typeof makeProfile>[0]) =>
  summarize(makeProfile(samples, { processes: [process] }), { memprofVersion: '0' }).total.inuse_space;

it('a tensor that is seen for certain is an estimate of its site: small objects may be there too', () => {
  expect(total([TENSOR])).toEqual({
    kind: 'estimated',
    value: MIB,
    low: MIB,
    high: Math.round(MIB - Math.log(0.05) * MEAN),
  });
});

it('a mapping is measured, and no small object hides in it', () => {
  const mapping = { ...TENSOR, observations: 0, labels: { heap: 'mmap' } } as const;
  expect(total([mapping])).toEqual({ kind: 'measured', value: MIB, low: MIB, high: MIB });
});

it("the bound is that of the sampler: V8's gap is larger, and a sum of both has both", () => {
  const array = { ...TENSOR, stack: stack('array'), labels: { heap: 'v8' } };
  expect(total([array]).high).toBe(Math.round(MIB - Math.log(0.05) * V8_MEAN));
  expect(total([array, TENSOR]).high).toBe(Math.round(2 * MIB - Math.log(0.05) * (MEAN + V8_MEAN)));
});

it('the bound grows with a mean that the cap had raised, though it came down again before the end', () => {
  // A sample of 101 bytes that was drawn at a mean of 8 times as much: variance per byte s(1 - p)/p.
  const p = -Math.expm1(-101 / (8 * MEAN));
  const [objects, variance] = [1 / p, (1 - p) / p ** 2];
  const small = {
    stack: stack('small'),
    values: [objects, 101 * objects, 0, 0],
    variances: [variance, variance * 101 ** 2, 0, 0],
    observations: 1,
    labels: { heap: 'libc.malloc' },
  } as const;
  const { high } = total([TENSOR, small]);
  expect((high ?? 0) - MIB).toBeGreaterThan(0.99 * -Math.log(0.05) * 8 * MEAN);
  expect((high ?? 0) - MIB).toBeLessThanOrEqual(-Math.log(0.05) * 8 * MEAN);
});
