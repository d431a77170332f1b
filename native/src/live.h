/* The live sampled allocations: the store's live region, found by address.
 *
 * The question "is this pointer sampled?" is asked at every free, so it is answered in two steps: a table of bits (one
 * load, inlined), then an exact index, read without a lock. The table has 64 Ki bits at first, 8 KiB that a program which
 * works on much memory between two frees hardly misses in its caches, and grows with the number of live samples, so that few
 * frees look further for nothing. */
#ifndef MEMPROF_LIVE_H
#define MEMPROF_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "fast_path.h"
#include "wire.h"

#define MP_FILTER_MIN_BITS 16
#define MP_FILTER_MAX_BITS 21

/* A bit for each slot that stands for something; only the first mp_live_filter_mask + 1 slots are in use. */
extern uint32_t mp_live_filter[1 << MP_FILTER_MAX_BITS >> 5] MP_HIDDEN;
extern uint32_t mp_live_filter_mask MP_HIDDEN;

/* Fibonacci hashing with a factor that fits an immediate operand. The bits from 20 on depend on all address bits from 4 to
 * 36 and more: blocks on page boundaries and in power-of-two classes spread as others do. */
static inline uint32_t mp_live_filter_hash(uintptr_t address) { return (uint32_t)(address * 0x61c88647 >> 20); }

static inline uint32_t mp_live_filter_slot(uintptr_t address) {
  return mp_live_filter_hash(address) & __atomic_load_n(&mp_live_filter_mask, __ATOMIC_RELAXED);
}

/* False: certainly not sampled. */
static inline bool mp_live_maybe(const void *address) {
  uint32_t slot = mp_live_filter_slot((uintptr_t)address);
  return mp_unlikely(__atomic_load_n(&mp_live_filter[slot >> 5], __ATOMIC_RELAXED) >> (slot & 31) & 1);
}

/* Adds an allocation; false when the table is full (counted). A stale record of the same address is replaced. */
bool mp_live_add(uintptr_t address, uint64_t size_bytes, double weight_bytes, uint64_t now_ns, uint32_t site);

/* The exact answer, without a lock. */
bool mp_live_contains(uintptr_t address);

/* Removes an allocation and fills *removed; false when it was not sampled. */
bool mp_live_remove(uintptr_t address, struct mp_live *removed);

/* Of the filter, what is for more live samples than there are. */
uint64_t mp_live_untouched_bytes(void);

/* After this thread left our code by a jump. */
void mp_live_left(void);

/* Forgets everything, in a forked child. */
void mp_live_forget(void);

#endif
