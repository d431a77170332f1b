/* Which allocations are sampled, and what a sample records.
 *
 * Poisson sampling: the bytes between two samples are exponentially distributed, so an allocation of n bytes is sampled
 * with probability p = 1 - exp(-(n + 1) / mean), wherever it falls. It then stands for n / p bytes and 1 / p objects. Each
 * thread counts its own bytes down. */
#ifndef MEMPROF_SAMPLER_H
#define MEMPROF_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fast_path.h"
#include "wire.h"

struct mp_thread {
  uint64_t left;   /* bytes that pass before the next sample; 0 in a thread that has not sampled yet */
  uint64_t draws;  /* gaps drawn so far */
  uint64_t random; /* xorshift state */
  double gap_mean; /* the mean that the gap was drawn with */
  double due_mean; /* the same, of the sample in progress */
  uintptr_t guard; /* inside our own code: where the stack was on the way in, UINTPTR_MAX at the start; otherwise 0 */
  uint32_t tid;
  uint32_t tag; /* the context of the sample in progress, once mp_site_here has asked for it */
};

extern __thread struct mp_thread mp_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* What an allocation takes from the countdown. One byte more than it asks for, so that an empty one is seen too, and
 * without a question asked for the sake of those few. */
static inline uint64_t mp_countdown_of(size_t bytes) { return bytes + 1; }

/* Counts an allocation down. False when the countdown ran out, that is below zero: mp_due must decide, and repairs it.
 * One subtraction in memory and its carry, because that is all that most allocations pay. */
static inline bool mp_pass(size_t bytes) {
  return mp_likely(!__builtin_sub_overflow(mp_thread.left, mp_countdown_of(bytes), &mp_thread.left));
}

/* After mp_pass said false: true if this allocation is to be sampled. Draws the next gap. */
bool mp_due(size_t bytes);

/* Records the allocation that mp_due chose. */
void mp_record(void *address, size_t bytes);

/* The same of a block of a heap of the program's own, whose tag is `heap`; the address has MP_CUSTOM_ADDRESS set. */
void mp_record_custom(void *address, size_t bytes, uint32_t heap);

/* Forgets a sampled allocation, before its memory goes. *removed (may be NULL) gets its record; false: it was not
 * sampled. */
bool mp_record_free(void *address, struct mp_live *removed);

/* The same of a block that a heap of the program's own is made of: it was no allocation. */
bool mp_record_backing(void *address);

/* Takes mp_record_free back: realloc failed, and the block is still there. */
void mp_unrecord_free(const struct mp_live *removed);

/* For entry points whose real function may or may not come back to another hook (operator new, reallocarray):
 *     struct mp_mark mark = mp_mark(); p = real(...); mp_account_since(mark, p, bytes);
 * counts the allocation unless the inner hook did. */
struct mp_mark {
  uint64_t left, draws;
};
static inline struct mp_mark mp_mark(void) { return (struct mp_mark){mp_thread.left, mp_thread.draws}; }

static inline void mp_account_since(struct mp_mark mark, void *address, size_t bytes) {
  if (mp_thread.left != mark.left || mp_thread.draws != mark.draws || !address || mp_pass(bytes)) return;
  if (mp_due(bytes)) mp_record(address, bytes);
}

/* --- for the mapping hooks and process.c --- */

/* Enters our own code: false when nothing is to be recorded (not started, off, nested, frozen). Undone by mp_leave. */
bool mp_enter(void);
void mp_leave(void);

/* The site of the caller's stack; MP_NONE when there is no room. */
uint32_t mp_site_here(enum mp_heap heap, uint64_t arena);

/* Starts sampling (mean in bytes, adaptive cap in samples a second, 0: none; seed 0: from the clock). */
void mp_sampler_start(uint64_t mean_bytes, uint64_t max_samples_per_s, uint64_t seed);

#endif
