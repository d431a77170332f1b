import { describe, expect, it } from 'vitest';
import { betaCdf, gammaCdf, gammaQuantile, logGamma } from '../../src/analyze/distributions.ts';

const Z = 1.959963984540054;

describe('logGamma', () => {
  it('is the factorial at whole numbers and sqrt(pi) at one half', () => {
    let factorial = 1;
    for (let n = 1; n <= 20; n++) {
      expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 9);
      factorial *= n;
    }
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12);
    expect(logGamma(0.1)).toBeCloseTo(2.252712651734206, 10);
  });
});

describe('gammaCdf', () => {
  it('is the sum of Poisson probabilities for whole shapes', () => {
    for (const mean of [0.1, 1, 4.2, 30]) {
      let below = 0;
      let term = Math.exp(-mean);
      for (let k = 1; k <= 60; k++) {
        below += term;
        term *= mean / k;
        expect(gammaCdf(mean, k)).toBeCloseTo(1 - below, 12);
      }
    }
  });
});

describe('betaCdf', () => {
  it('is the tail of a binomial distribution for whole parameters', () => {
    for (const p of [0.03, 0.4, 0.95]) {
      for (const n of [1, 7, 40]) {
        let tail = 0;
        let term = p ** n;
        for (let k = n; k >= 1; k--) {
          tail += term;
          term *= (k / (n - k + 1)) * ((1 - p) / p);
          expect(betaCdf(p, k, n - k + 1)).toBeCloseTo(tail, 11);
        }
      }
    }
  });

  it('is 0 and 1 at the ends', () => {
    expect(betaCdf(0, 2, 3)).toBe(0);
    expect(betaCdf(1, 2, 3)).toBe(1);
  });
});

describe('gammaQuantile', () => {
  // R: qgamma(0.025, n), qgamma(0.975, n + 1): Garwood's limits of a Poisson count of n, as in every table of them.
  it.each([
    [1, 0.0253178, 5.571643],
    [2, 0.2422093, 7.224688],
    [5, 1.623486, 11.668332],
    [10, 4.795389, 18.390356],
    [50, 37.110541, 65.918992],
    [100, 81.363955, 121.627],
  ])('gives the limits of a count of %i', (n, low, high) => {
    expect(gammaQuantile(0.025, -Z, n)).toBeCloseTo(low, 3);
    expect(gammaQuantile(0.975, Z, n + 1)).toBeCloseTo(high, 3);
  });

  it('inverts the distribution for any shape', () => {
    for (const shape of [0.01, 0.7, 3.3, 101.7, 9_999]) {
      expect(gammaCdf(gammaQuantile(0.975, Z, shape), shape)).toBeCloseTo(0.975, 9);
    }
  });
});
