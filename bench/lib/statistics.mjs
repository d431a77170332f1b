/** The few statistics that benches print. */

/** The q-quantile of some numbers, interpolated linearly between order statistics; NaN of none. */
export function quantile(numbers, q) {
  if (numbers.length === 0) return Number.NaN;
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.ceil(at);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

export const median = (numbers) => quantile(numbers, 0.5);

/** Median, and the first and last decile as the spread. */
export const summarize = (numbers) => ({
  median: median(numbers),
  low: quantile(numbers, 0.1),
  high: quantile(numbers, 0.9),
});

/** Each number over its neighbour of the same round. */
export const ratios = (numbers, base) => numbers.map((value, round) => value / base[round]);
/** Each number less its neighbour of the same round. */
export const differences = (numbers, base) => numbers.map((value, round) => value - base[round]);

export function mean(numbers) {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

/** Of a sample: n - 1 in the denominator; 0 of one number. */
export function standardDeviation(numbers) {
  const centre = mean(numbers);
  return Math.sqrt(numbers.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, numbers.length - 1));
}
