/* Our logarithm and exponential against libm's. */
#include "../src/maths.h"

#include <math.h>

#include "check.h"

int main(void) {
  for (double x = 1e-300; x < 1e300; x *= 1.0007) CHECK(fabs(mp_ln(x) - log(x)) <= 1e-12 * fmax(1, fabs(log(x))));
  for (int i = 1; i < 1000000; i++) {
    double u = i * 1e-6;
    CHECK(fabs(mp_ln(u) - log(u)) <= 1e-12 * fmax(1, fabs(log(u))));
  }
  CHECK(mp_ln(1) == 0 && mp_one_minus_exp_neg(0) == 0 && mp_one_minus_exp_neg(1e9) == 1);
  for (double x = 1e-15; x < 800; x *= 1.001) CHECK(fabs(mp_one_minus_exp_neg(x) / -expm1(-x) - 1) < 1e-11);
  return checks_done();
}
