/**
 * The gamma and beta distributions, as far as confidence intervals need them. Methods: Lanczos' series for ln Γ; the power
 * series and Lentz's continued fraction for the incomplete functions (Abramowitz & Stegun 6.5.29, 6.5.31 and 26.5.8); the
 * cube-root transformation of Wilson and Hilferty (1931) as the first guess of the gamma quantile.
 */

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Natural logarithm of Γ(x), x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const base = x + 6.5;
  const series = LANCZOS.reduce((sum, coefficient, i) => sum + coefficient / (x + i), 0.99999999999980993);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(series);
}

const TINY = 1e-300;
const notZero = (x: number): number => (Math.abs(x) < TINY ? TINY : x);

/** Lentz's method: 1 / (first + a(1) / (b(1) + a(2) / (b(2) + ...))) with a and b as `term(n)` gives them. */
function continuedFraction(first: number, term: (n: number) => readonly [a: number, b: number]): number {
  let c = 1 / TINY;
  let d = 1 / notZero(first);
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const [a, b] = term(n);
    d = 1 / notZero(a * d + b);
    c = notZero(b + a / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

/** P(X <= x) of a gamma variable with the given shape and scale 1: the regularised lower incomplete gamma function. */
export function gammaCdf(x: number, shape: number): number {
  if (x <= 0) return 0;
  const factor = Math.exp(shape * Math.log(x) - x - logGamma(shape));
  if (x < shape + 1) {
    let term = 1 / shape;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-15; n++) {
      term *= x / (shape + n);
      sum += term;
    }
    return sum * factor;
  }
  const first = x + 1 - shape;
  return 1 - factor * continuedFraction(first, (n) => [-n * (n - shape), first + 2 * n]);
}

/** P(X <= x) of a beta variable: the regularised incomplete beta function I_x(a, b). */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on one side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const factor = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x) - Math.log(a),
  );
  const fraction = continuedFraction(1, (n) => {
    const half = Math.floor(n / 2);
    const numerator =
      n % 2 === 0
        ? (half * (b - half) * x) / ((a + n - 1) * (a + n))
        : (-(a + half) * (a + b + half) * x) / ((a + n - 1) * (a + n));
    return [numerator, 1];
  });
  return factor * fraction;
}

/** The x in [low, high] where a rising function reaches `target`, to 12 digits. */
export function solveRising(low: number, high: number, target: number, rising: (x: number) => number): number {
  let [from, to] = [low, high];
  for (let i = 0; i < 200 && to - from > 1e-12 * Math.abs(to); i++) {
    const middle = (from + to) / 2;
    if (rising(middle) < target) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}

/** The x with `gammaCdf(x, shape) = probability`, given also as the standard normal quantile `z` of that probability. */
export function gammaQuantile(probability: number, z: number, shape: number): number {
  if (shape <= 0) return 0;
  const root = 1 - 1 / (9 * shape) + z / (3 * Math.sqrt(shape));
  let high = Math.max(root > 0 ? 2 * shape * root ** 3 : 0, 1);
  while (gammaCdf(high, shape) < probability) high *= 2;
  return solveRising(0, high, probability, (x) => gammaCdf(x, shape));
}
