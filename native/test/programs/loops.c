/* Allocates, frees, maps, unmaps and names what it does until it is killed: `loops THREADS`. Prints "ready" once it runs. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../include/memprof.h"

/* Ever new arenas and contexts, until the table is full. */
static void name_things(unsigned state) {
  char text[32];
  memprof_pop(0);
  uint32_t arena = memprof_arena(memprof_pool("pool", 0));
  snprintf(text, sizeof text, "n=%u", state >> 8);
  memprof_push(arena);
  memprof_push(memprof_labels(text));
  if (state >> 16 & 1) memprof_arena_release(arena);
}

static void *churn(void *argument) {
  unsigned state = (unsigned)(size_t)argument;
  void *kept[512] = {NULL};
  for (;;) {
    state = state * 1103515245u + 12345u;
    void **slot = &kept[(state >> 16) % 512];
    free(*slot);
    *slot = malloc(16 + (state >> 12) % 4001);
    if ((state >> 8) % 256 == 0) name_things(state);
    if ((state >> 8) % 64 == 0) {
      char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      munmap(m + 4096, 8192);
      mprotect(m + 32768, 4096, PROT_NONE);
      munmap(m, 65536);
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  pthread_t id;
  for (int i = 1; i < threads; i++) pthread_create(&id, NULL, churn, (void *)(size_t)(i * 977));
  puts("ready");
  fflush(stdout);
  churn((void *)1);
  return 0;
}
