/* The few functions of libm that sampling needs: libm's own would tie us to its symbol versions. */
#ifndef MEMPROF_MATHS_H
#define MEMPROF_MATHS_H

#include <stdint.h>
#include <string.h>

static inline uint64_t mp_bits_of_double(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline double mp_double_of_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* ln(x) for normal x > 0; relative error below 1e-12: x = m 2^e with m in [1/sqrt 2, sqrt 2), then the artanh series.
 */
static inline double mp_ln(double x) {
  uint64_t bits = mp_bits_of_double(x);
  int exponent = (int)(bits >> 52) - 1023;
  double m = mp_double_of_bits((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
  for (int k = 19; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return 2 * s * sum + exponent * 0.6931471805599453;
}

/* 1 - exp(-x) for x >= 0, also for x so small that the plain formula would lose its digits. Halving the argument and
 * p(2x) = p(x) (2 - p(x)) keep the series short. */
static inline double mp_one_minus_exp_neg(double x) {
  if (x > 40) return 1;
  int doublings = 0;
  while (x > 0.03125) {
    x *= 0.5;
    doublings++;
  }
  double p = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6 * (1 - x / 7))))));
  while (doublings-- > 0) p *= 2 - p;
  return p;
}

#endif
