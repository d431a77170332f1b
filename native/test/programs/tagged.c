/* Uses memprof.h in the way that its first argument says. Output and status are the same with and without the profiler. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../include/memprof.h"

#define PAGE 4096ul

static void *kept[64];
static int kept_count;

static void keep(size_t bytes, int times) {
  while (times-- > 0) kept[__atomic_fetch_add(&kept_count, 1, __ATOMIC_RELAXED)] = malloc(bytes);
}

/* In a constructor, before the profiler's own. */
static uint32_t early_pool;
__attribute__((constructor)) static void early(void) { early_pool = memprof_pool("early", 0); }

static void *work(void *pool) {
  uint32_t previous = memprof_push(memprof_arena((uint32_t)(uintptr_t)pool));
  keep(100057, 5);
  memprof_pop(previous);
  keep(100069, 1);
  return NULL;
}

static void known(void) {
  uint32_t kv = memprof_pool("kv-cache", 5000011), first = memprof_arena(kv), second = memprof_arena(kv);
  uint32_t before = memprof_push(first);
  keep(100003, 4);
  uint32_t outside = memprof_push(memprof_stage("prefill"));
  keep(100019, 3);
  uint32_t labelled = memprof_push(memprof_labels("tenant=acme"));
  keep(100129, 1);
  memprof_pop(labelled);
  memprof_pop(outside);
  void *mapped = mmap(NULL, 40 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memprof_push(second);
  keep(100043, 2);
  free(kept[0]); /* of the first arena */
  munmap((char *)mapped + 8 * PAGE, 8 * PAGE);
  memprof_pop(before);
  keep(100049, 1);
  memprof_count(kv, MEMPROF_HIT, 11);
  memprof_count(kv, MEMPROF_MISS, 7);
  memprof_arena_release(second);
  pthread_t threads[4];
  uintptr_t weights = memprof_pool("weights", 0);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, work, (void *)weights);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  memprof_push(memprof_arena(early_pool));
  keep(100103, 1);
}

static void nest(int depth, uint32_t even, uint32_t odd) {
  if (depth == 0) return keep(100003, 1);
  uint32_t previous = memprof_push(depth % 2 ? odd : even);
  nest(depth - 1, even, odd);
  memprof_pop(previous);
  if (depth == 500) keep(100019, 1);
}

static void deep(void) {
  uint32_t pool = memprof_pool("kv-cache", 0);
  nest(1000, memprof_arena(pool), memprof_arena(pool));
  keep(100043, 1);
}

/* More pairs than the sampler remembers, so that those follow each other which share a place in its memory. */
static void many(void) {
  uint32_t pool = memprof_pool("kv-cache", 0), arenas[21], stages[] = {memprof_stage("prefill"), memprof_stage("decode")};
  for (int i = 0; i < 21; i++) arenas[i] = memprof_arena(pool);
  for (int i = 0; i < 42; i++) {
    uint32_t before = memprof_push(arenas[i * 8 % 21]), outside = memprof_push(stages[i / 21]);
    keep(100003, 1);
    memprof_pop(outside);
    memprof_pop(before);
  }
}

static void names(void) {
  char longest[1000];
  memset(longest, 'z', sizeof longest);
  longest[999] = 0;
  const char *given[] = {"tab\there", "\x1b[31mred", "bad\xff\xfe", "", NULL, longest};
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    uint32_t previous = memprof_push(memprof_arena(memprof_pool(given[i], 0)));
    keep(100003, 1);
    memprof_pop(previous);
  }
}

static void million(void) {
  uint32_t pool = memprof_pool("requests", 0), last = 0;
  for (int i = 0; i < 1000000; i++) last = memprof_arena(pool);
  memprof_push(last);
  memprof_push(memprof_stage("decode"));
  keep(100003, 1);
}

static void misuse(void) {
  uint32_t pool = memprof_pool("kv-cache", 0), first = memprof_arena(pool), second = memprof_arena(pool);
  uint32_t outer = memprof_push(first), inner = memprof_push(second);
  memprof_pop(outer); /* the wrong way round: the last pop counts */
  keep(100003, 1);
  memprof_pop(inner);
  keep(100019, 1);
  memprof_pop(123456789); /* was never a tag */
  keep(100043, 1);
  memprof_pop(0);
  memprof_arena_release(first);
  memprof_arena_release(first);
  memprof_arena_release(pool);
  memprof_arena_release(987654321);
  memprof_push(first);
  keep(100049, 1);
  memprof_pop(0);
  memprof_push(987654321);
  memprof_count(first, (enum memprof_counter)77, 1);
  memprof_count(987654321, MEMPROF_HIT, 1);
  uint32_t arena = memprof_arena(first); /* of an arena there are none */
  memprof_push(arena);
  keep(100057, 1);
}

static void forked(void) {
  uint32_t pool = memprof_pool("kv-cache", 0), arena = memprof_arena(pool);
  memprof_count(arena, MEMPROF_HIT, 3);
  memprof_push(arena);
  pid_t child = fork();
  if (child == 0) {
    keep(100003, 1);
    memprof_push(memprof_arena(memprof_pool("kv-cache", 0)));
    keep(100019, 1);
    memprof_push(memprof_stage("decode"));
    keep(100043, 1);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  keep(100049, 1);
}

/* Blocks of a heap that carves them from one of malloc's and from a part of a mapping. */
static void heap(void) {
  uint32_t slab = memprof_heap_create("slab"), pool = memprof_pool("kv-cache", 0);
  char *block = malloc(1000003), *mapped = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memprof_heap_backing(slab, block, 1000003);
  memprof_heap_backing(slab, mapped, 32 * PAGE);
  memprof_push(memprof_arena(pool));
  for (int i = 0; i < 10; i++) memprof_heap_alloc(slab, block + i * 100000, 90001);
  for (int i = 0; i < 4; i++) memprof_heap_free(slab, block + i * 100000);
  memprof_heap_free(slab, block + 5);
  memprof_heap_alloc(slab, mapped, 50021);
  memprof_heap_alloc(0, mapped + PAGE, 50023); /* no heap */
  memprof_heap_alloc(pool, mapped + PAGE, 50033); /* not a heap */
  memprof_pop(0);
  memprof_push(memprof_arena(pool));
  char *gone = malloc(1000033);
  memprof_heap_backing(slab, gone, 1000033);
  uint32_t scratch = memprof_heap_create("scratch");
  for (int i = 0; i < 10; i++) memprof_heap_alloc(scratch, gone + i * 100, 10007); /* side by side: what is there is not looked at */
  memprof_heap_reset(scratch);
  free(gone);
  munmap(mapped + 48 * PAGE, 16 * PAGE);
  memprof_pop(0);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } WAYS[] = {{"known", known}, {"deep", deep}, {"many", many}, {"names", names}, {"million", million}, {"misuse", misuse}, {"fork", forked}, {"heap", heap}};
  for (size_t i = 0; argc > 1 && i < sizeof WAYS / sizeof *WAYS; i++) {
    if (strcmp(argv[1], WAYS[i].name) == 0) WAYS[i].run();
  }
  printf("%d blocks\n", kept_count);
  if (argc > 2) {
    fflush(stdout);
    raise(SIGKILL);
  }
  return 0;
}
