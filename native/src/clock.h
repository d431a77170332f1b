#ifndef MEMPROF_CLOCK_H
#define MEMPROF_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t mp_clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* The clock of every time in the store. */
static inline uint64_t mp_now_ns(void) { return mp_clock_ns(CLOCK_MONOTONIC); }

static inline uint64_t mp_unix_now_ns(void) { return mp_clock_ns(CLOCK_REALTIME); }

#endif
