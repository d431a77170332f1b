/** Bounds of tests that stand on samples: what chance alone passes once in three million runs, five standard deviations of a normal value. */
const RARE = 3e-7;

/** What a count of `trials` that come true with probability `p` each does not exceed but by such a chance. */
export function mostByChance(trials: number, p: number): number {
  let count = 0;
  let probability = (1 - p) ** trials;
  let beyond = 1 - probability;
  while (beyond > RARE && count < trials) {
    probability *= ((trials - count) / (count + 1)) * (p / (1 - p));
    count++;
    beyond -= probability;
  }
  return count;
}

/** Relative standard deviation of the bytes of `count` blocks of one size, each of which is sampled once in `meanBytes` bytes. */
export function relativeDeviation(sizeBytes: number, count: number, meanBytes: number): number {
  const p = -Math.expm1(-sizeBytes / meanBytes);
  return Math.sqrt((1 - p) / (p * count));
}
