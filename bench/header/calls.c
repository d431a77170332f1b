/* Prints the CPU time of each call of memprof.h, in ns, less that of the same loop without: {"name": ns, ...}. argv[1]: how many. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../native/include/memprof.h"

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static __attribute__((noinline)) void work(void) { __asm__ volatile(""); }

#define TIMED(body)                                \
  ({                                               \
    double started = now_ns();                     \
    for (long i = 0; i < calls; i++) { body; }     \
    (now_ns() - started) / (double)calls;          \
  })

int main(int argc, char **argv) {
  long calls = argc > 1 ? atol(argv[1]) : 1000000;
  static char block[64];
  uint32_t pool = memprof_pool("kv-cache", 0), heap = memprof_heap_create("slab");
  uint32_t arenas[2] = {memprof_arena(pool), memprof_arena(pool)};
  double nothing = TIMED(work());
  double pair = TIMED(uint32_t previous = memprof_push(arenas[i & 1]); work(); memprof_pop(previous));
  double carved = TIMED(memprof_heap_alloc(heap, block, sizeof block); work(); memprof_heap_free(heap, block));
  double named = TIMED(work(); memprof_pool("kv-cache", 0));
  printf("{\"pair\": %.2f, \"carved\": %.2f, \"named\": %.2f}\n", pair - nothing, carved - nothing, named - nothing);
  return 0;
}
