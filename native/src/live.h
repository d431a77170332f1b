/* The live sampled allocations: the store's live region, found by address.
 *
 * The question "is this pointer sampled?" is asked at every free, so it is answered in two steps: a 64 KiB table of
 * counters that fits the second-level cache (one load, inlined), then an exact index, read without a lock. */
#ifndef MEMPROF_LIVE_H
#define MEMPROF_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define MP_FILTER_BITS 16

extern uint8_t mp_live_filter[1 << MP_FILTER_BITS];

static inline uint32_t mp_live_filter_slot(uintptr_t address) {
  return (uint32_t)((address >> 4) * 0x9e3779b97f4a7c15ull >> (64 - MP_FILTER_BITS));
}

/* False: certainly not sampled. */
static inline bool mp_live_maybe(const void *address) {
  return __atomic_load_n(&mp_live_filter[mp_live_filter_slot((uintptr_t)address)], __ATOMIC_RELAXED) != 0;
}

/* Adds an allocation; false when the table is full (counted). A stale record of the same address is replaced. */
bool mp_live_add(uintptr_t address, uint64_t size_bytes, double weight_bytes, uint64_t now_ns, uint32_t site);

/* The exact answer, without a lock. */
bool mp_live_contains(uintptr_t address);

/* Removes an allocation and fills *removed; false when it was not sampled. */
bool mp_live_remove(uintptr_t address, struct mp_live *removed);

/* Forgets everything, in a forked child. */
void mp_live_forget(void);

#endif
