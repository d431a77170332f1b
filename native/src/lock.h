/* A lock that gives up. Its holders never block and never call out, so a wait that lasts means that the holder was killed
 * in the middle (a raw clone, a signal handler that never returned): the caller then drops its sample and counts it. */
#ifndef MEMPROF_LOCK_H
#define MEMPROF_LOCK_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch.h"

struct mp_lock {
  uint32_t held;
};

#define MP_LOCK_SPINS 256   /* about 10 us */
#define MP_LOCK_YIELDS 4096 /* then let the holder run: some ms on an idle machine, more where cores are short */

static inline bool mp_lock_acquire(struct mp_lock *lock) {
  for (int i = 0; i < MP_LOCK_SPINS + MP_LOCK_YIELDS; i++) {
    if (!__atomic_load_n(&lock->held, __ATOMIC_RELAXED) && !__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)) return true;
    if (i < MP_LOCK_SPINS) {
      mp_cpu_relax();
    } else {
      sched_yield();
    }
  }
  return false;
}

static inline void mp_lock_release(struct mp_lock *lock) { __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE); }

#endif
