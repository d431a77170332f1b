/* Counted checks for the small C tests: a failed one says where and exits. */
#ifndef MEMPROF_CHECK_H
#define MEMPROF_CHECK_H

#include <stdio.h>
#include <stdlib.h>

static unsigned long checks_passed;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                 \
    }                                                                          \
    __atomic_fetch_add(&checks_passed, 1, __ATOMIC_RELAXED);                   \
  } while (0)

static inline int checks_done(void) {
  printf("%lu checks passed\n", checks_passed);
  return 0;
}

#endif
