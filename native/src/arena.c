#include "arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "peek.h"
#include "real.h"
#include "wire.h"

/* From glibc's malloc.c: a chunk's size word lies before the block, its low bits are flags; a block outside the main
 * arena lies in a heap that is aligned to HEAP_MAX_SIZE and starts with the address of its arena. */
#define IS_MMAPPED 2u
#define NON_MAIN_ARENA 4u
#define HEAP_MAX_SIZE (64ull << 20)

static bool usable;

void mp_arena_init(void) {
  const char *tunables = getenv("GLIBC_TUNABLES");
  /* With huge pages from hugetlbfs the heaps have another size, and reading there would fault. */
  bool huge_heaps =
      tunables && strstr(tunables, "glibc.malloc.hugetlb=") && !strstr(tunables, "glibc.malloc.hugetlb=0");
  usable = mp_real_allocator() == MP_ALLOCATOR_GLIBC && !huge_heaps;
}

uint64_t mp_arena_of(const void *block) {
  uint64_t size_word, arena;
  if (!usable || ((uintptr_t)block & 15) || !mp_peek_u64((uintptr_t)block - sizeof size_word, &size_word))
    return MP_ARENA_UNKNOWN;
  if (size_word & IS_MMAPPED) return MP_ARENA_MMAPPED;
  if (!(size_word & NON_MAIN_ARENA)) return MP_ARENA_MAIN;
  if (!mp_peek_u64((uintptr_t)block & ~(HEAP_MAX_SIZE - 1), &arena)) return MP_ARENA_UNKNOWN;
  return arena & MP_ARENA_MMAPPED ? MP_ARENA_UNKNOWN : arena;
}
