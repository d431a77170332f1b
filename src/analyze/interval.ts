import { gammaQuantile } from './gamma.js';

/** A 95 % interval, in the unit of the estimate. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

const TAIL = 0.025;
const Z = 1.959963984540054;

/**
 * The 95 % interval of a Horvitz-Thompson estimate. A normal interval is too narrow for few samples and reaches below zero, so
 * this is the interval of a Poisson count (Garwood, Biometrika 28, 1936) with the effective number of samples
 * n = value^2 / variance, scaled to the estimate. Exact (low = high = value) where the variance is 0. Differences may be
 * negative and have no such count: they get the normal interval.
 */
export function interval(value: number, variance: number): Interval {
  if (!(variance > 0)) return { low: value, high: value };
  if (value <= 0) {
    const halfWidth = Z * Math.sqrt(variance);
    return { low: value - halfWidth, high: value + halfWidth };
  }
  const count = (value * value) / variance;
  const unit = value / count;
  return { low: unit * gammaQuantile(TAIL, -Z, count), high: unit * gammaQuantile(1 - TAIL, Z, count + 1) };
}
