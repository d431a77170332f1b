/* A lock that gives up. Its holders never block and never call out, so a wait that lasts means that the holder lost its
 * processor, or, at the worst, that it was killed in the middle (a raw exit of one thread, a signal handler that never
 * returned): the caller then drops its sample and counts it. */
#ifndef MEMPROF_LOCK_H
#define MEMPROF_LOCK_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch.h"

struct mp_lock {
  uintptr_t holder; /* its thread pointer; 0: free */
  uint32_t abandoned; /* somebody waited in vain: until it is free again, nobody else waits as long */
};

#define MP_LOCK_SPINS 256 /* about 10 us */
#define MP_LOCK_YIELDS 32 /* then let the holder run, */
#define MP_LOCK_NAPS 2000 /* then really: 0.2 s in all, more than a busy machine keeps a thread from running */
#define MP_LOCK_NAP_NS 100000

static inline bool mp_lock_try(struct mp_lock *lock) {
  uintptr_t free = 0;
  return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == 0 &&
         __atomic_compare_exchange_n(&lock->holder, &free, mp_thread_pointer(), false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED);
}

/* The part that waits, out of line. */
static __attribute__((noinline, cold, unused)) bool mp_lock_wait(struct mp_lock *lock) {
  for (int i = 0; i < MP_LOCK_SPINS; i++) {
    if (mp_lock_try(lock)) return true;
    mp_cpu_relax();
  }
  int naps = __atomic_load_n(&lock->abandoned, __ATOMIC_RELAXED) ? 0 : MP_LOCK_NAPS;
  for (int i = 0; i < MP_LOCK_YIELDS + naps; i++) {
    if (i < MP_LOCK_YIELDS) {
      sched_yield();
    } else {
      /* By system call, because the function is a cancellation point. */
      syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = MP_LOCK_NAP_NS}, NULL);
    }
    if (mp_lock_try(lock)) return true;
  }
  __atomic_store_n(&lock->abandoned, 1, __ATOMIC_RELAXED);
  return false;
}

static inline bool mp_lock_acquire(struct mp_lock *lock) {
  if (mp_lock_try(lock)) return true;
  return mp_lock_wait(lock);
}

static inline void mp_lock_release(struct mp_lock *lock) {
  __atomic_store_n(&lock->abandoned, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&lock->holder, 0, __ATOMIC_RELEASE);
}

/* When this thread left our code by a jump: only for what can be left in the middle of any change. */
static inline void mp_lock_release_left(struct mp_lock *lock) {
  if (__atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == mp_thread_pointer()) mp_lock_release(lock);
}

#endif
