import { betaCdf, solveRising } from './distributions.js';

/** P(T <= t) of Student's distribution with `freedom` degrees of freedom, t >= 0 (Abramowitz & Stegun 26.7.1). */
export function studentCdf(t: number, freedom: number): number {
  return 1 - betaCdf(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
}

/** The t >= 0 below which a share `p` >= 0.5 of Student's distribution lies. */
export function studentQuantile(p: number, freedom: number): number {
  let high = 2;
  while (studentCdf(high, freedom) < p) high *= 2;
  return solveRising(0, high, p, (t) => studentCdf(t, freedom));
}

const known = new Map<number, number>();

/** `studentQuantile(0.995, freedom)`, with `freedom` rounded down to a tenth: hardly wider, and worked out once. */
export function quantile99(freedom: number): number {
  const rounded = Math.max(1, Math.floor(10 * freedom) / 10);
  let t = known.get(rounded);
  if (t === undefined) {
    t = studentQuantile(0.995, rounded);
    known.set(rounded, t);
  }
  return t;
}

/** Mean and variance of values; the variance of the population they are from, 0 for fewer than two. */
export function meanAndVariance(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: values.length < 2 ? 0 : squares / (values.length - 1) };
}

/** 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
