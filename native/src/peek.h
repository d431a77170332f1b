/* Reads of memory that may not be there.
 *
 * Decoding a JavaScript frame follows pointers through V8's heap, and some of them are stale: a dead stack slot, an object
 * that the collector is moving, a heap page that a helper thread is giving back. So each read asks first whether its page is
 * readable, which costs a system call (200 ns). The pages of V8's own heap are remembered in a table that outlives the
 * sample (2 ns a hit).
 *
 * Others are not, because the C library maps and unmaps memory behind our hooks' back (large blocks, heaps of its arenas,
 * stacks): a page of a freed block would stay in the table. V8 unmaps its pages by calls that we see. So whoever has found
 * an object of V8's to be what it should be says so, and only then its pages are remembered.
 *
 * The table is only as good as its invalidation: every hook that takes memory away (munmap, mprotect without PROT_READ, mmap
 * with MAP_FIXED, mremap) calls mp_peek_invalidate both before and after the real call. Before, so that nobody trusts an
 * entry while the page goes; after, because another thread may have asked in between, while the page was still there.
 *
 * What remains: a thread that was told "readable" and then lost the processor until the page was gone. Nothing in a live
 * frame points to such a page, so it takes a stale pointer and a few nanoseconds of bad luck at once.
 *
 * No function here allocates, locks, or changes errno. */
#ifndef MEMPROF_PEEK_H
#define MEMPROF_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* True if [addr, addr + bytes) is readable user memory. An empty range is readable if its address is. */
bool mp_peek_range(uintptr_t addr, size_t bytes);

/* True if its pages were remembered (below), and nothing is known to have happened to them: costs no system call. */
bool mp_peek_remembered(uintptr_t addr, size_t bytes);

/* Remembers the pages of [addr, addr + bytes): memory that is only ever unmapped by calls that we hook. */
void mp_peek_remember(uintptr_t addr, size_t bytes);

/* The same for the calling thread's own stack. Stacks are remembered per thread and not in the table, because the C library
 * unmaps those of ended threads behind our hooks' back. */
bool mp_peek_stack_range(uintptr_t addr, size_t bytes);

/* Forgets what is known about this thread's stack. */
void mp_peek_forget_stack(void);

/* Reads 8 bytes at any alignment; false if they are not readable. */
static inline bool mp_peek_u64(uintptr_t addr, uint64_t *out) {
  if (!mp_peek_range(addr, sizeof *out)) return false;
  memcpy(out, (const void *)addr, sizeof *out);
  return true;
}

/* Forgets what is known about [addr, addr + bytes). */
void mp_peek_invalidate(uintptr_t addr, size_t bytes);

/* Number of system calls spent on questions so far, for benchmarks and tests. */
uint64_t mp_peek_probes(void);

#endif
