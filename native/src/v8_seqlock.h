/* Sequence locks for cache entries: readers never wait, and a writer who finds the entry taken goes without. An odd sequence
 * means that somebody is writing. Payload fields are relaxed atomics, so a torn read is detected, never undefined. */
#ifndef MEMPROF_V8_SEQLOCK_H
#define MEMPROF_V8_SEQLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

static inline uint32_t seq_read_begin(const _Atomic uint32_t *sequence) {
  return atomic_load_explicit(sequence, memory_order_acquire);
}

/* True if what was read since seq_read_begin belongs together. */
static inline bool seq_read_valid(const _Atomic uint32_t *sequence, uint32_t begun) {
  atomic_thread_fence(memory_order_acquire);
  return (begun & 1) == 0 && atomic_load_explicit(sequence, memory_order_relaxed) == begun;
}

static inline bool seq_write_begin(_Atomic uint32_t *sequence) {
  uint32_t now = atomic_load_explicit(sequence, memory_order_relaxed);
  if (now & 1) return false;
  bool taken = !atomic_compare_exchange_strong_explicit(sequence, &now, now + 1, memory_order_acquire,
                                                        memory_order_relaxed);
  if (taken) return false;
  atomic_thread_fence(memory_order_release);
  return true;
}

static inline void seq_write_end(_Atomic uint32_t *sequence) {
  atomic_fetch_add_explicit(sequence, 1, memory_order_release);
}

#define RELAXED_LOAD(object) atomic_load_explicit(&(object), memory_order_relaxed)
#define RELAXED_STORE(object, value) atomic_store_explicit(&(object), (value), memory_order_relaxed)

#endif
