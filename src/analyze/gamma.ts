/**
 * The gamma distribution, as far as confidence intervals need it. Methods: Lanczos' series for ln Γ, the power series and
 * Lentz's continued fraction for the incomplete function (Abramowitz & Stegun 6.5.29 and 6.5.31), the cube-root
 * transformation of Wilson and Hilferty (1931) as the first guess of the quantile and as its value for large shapes.
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
  const tiny = 1e-300;
  let b = x + 1 - shape;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const a = -n * (n - shape);
    b += 2;
    d = 1 / (Math.abs(a * d + b) < tiny ? tiny : a * d + b);
    c = Math.abs(b + a / c) < tiny ? tiny : b + a / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return 1 - factor * fraction;
}

/** Above this shape Wilson and Hilferty's formula is good to a millionth. */
const LARGE_SHAPE = 5_000;

/** The x with `gammaCdf(x, shape) = probability`, given also as the standard normal quantile `z` of that probability. */
export function gammaQuantile(probability: number, z: number, shape: number): number {
  if (shape <= 0) return 0;
  const root = 1 - 1 / (9 * shape) + z / (3 * Math.sqrt(shape));
  const guess = root > 0 ? shape * root ** 3 : 0;
  if (shape > LARGE_SHAPE) return guess;
  let low = 0;
  let high = Math.max(guess * 2, 1);
  while (gammaCdf(high, shape) < probability) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2;
    if (gammaCdf(middle, shape) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
