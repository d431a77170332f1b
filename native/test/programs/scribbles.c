/* A program with a bug: argv[1] times it writes over a file that is mapped in it, the sampler's store, all of it or at random
 * places. In between it allocates from ever new call paths, names what it allocates, maps, moves and unmaps, and forks. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../include/memprof.h"

#define FROZEN_AT 72 /* of the header: anything but 0 there ends the recording, and with it the test */
#define PAGE 4096ul

static char *store;
static size_t store_bytes;
static uint64_t state = 88172645463325252ull;

static uint64_t draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static void find_store(void) {
  char line[512], path[512] = "";
  unsigned long start, end;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && fgets(line, sizeof line, maps)) {
    if (!strstr(line, ".store") || sscanf(line, "%lx-%lx %*s %*s %*s %*s %511s", &start, &end, path) < 3) continue;
    store = (char *)start;
    store_bytes = end - start;
  }
  if (maps) fclose(maps);
  unlink(path); /* nobody could read it any more */
}

static void scribble(int round) {
  static const int BYTES[] = {0, 0xff, 0x7f, 1};
  if (!store) return;
  if (round % 5 < 4) memset(store, BYTES[round % 5], 4096);
  for (int i = 0; i < 3000; i++) {
    /* Only where the sampler has written: the rest of the sparse file is not ours to fill. */
    uint64_t at = (draw() % store_bytes) & ~7ull, value = draw() >> (draw() % 64);
    unsigned char there;
    if (mincore(store + (at & ~(PAGE - 1)), PAGE, &there) == 0 && (there & 1)) memcpy(store + at, &value, 8);
  }
  memset(store + FROZEN_AT, 0, 8);
}

static __attribute__((noinline)) void *left(uint64_t path, size_t bytes);
static __attribute__((noinline)) void *right(uint64_t path, size_t bytes) {
  void *volatile block = path > 1 ? (path & 1 ? left : right)(path >> 1, bytes) : malloc(bytes);
  return block;
}
static __attribute__((noinline)) void *left(uint64_t path, size_t bytes) {
  void *volatile block = path > 1 ? (path & 1 ? left : right)(path >> 1, bytes) : malloc(bytes);
  return block;
}

/* The sampler reads its own table of tags to compose contexts. */
static void name_things(int i, const void *block) {
  char text[32];
  uint32_t pool = memprof_pool("pool", 0), heap = memprof_heap_create("heap"), arena = memprof_arena(pool);
  snprintf(text, sizeof text, "n=%d", i % 64);
  memprof_pop(0);
  memprof_push(arena);
  memprof_push(memprof_labels(text));
  memprof_heap_alloc(heap, block, 64);
  if (i % 256 == 0) memprof_heap_reset(heap);
  memprof_count(arena, MEMPROF_HIT, 1);
  if (i % 3 == 0) memprof_arena_release(arena);
}

static void *allocate(void *argument) {
  static __thread void *blocks[512];
  for (int i = 0; i < 2000; i++) {
    void **block = &blocks[i % 512];
    free(*block);
    *block = right((uint64_t)(uintptr_t)argument * 4096 + (uint64_t)i, 64);
    if (i % 64 == 0) name_things(i, *block);
  }
  for (int i = 0; i < 512; i++) {
    free(blocks[i]);
    blocks[i] = NULL;
  }
  return NULL;
}

static void map(void) {
  for (int i = 0; i < 50; i++) {
    char *range = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED) continue;
    mprotect(range + PAGE, 4 * PAGE, PROT_READ | PROT_WRITE);
    mprotect(range + 2 * PAGE, PAGE, PROT_NONE);
    char *moved = mremap(range, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
    munmap((moved == MAP_FAILED ? range : moved) + 3 * PAGE, (i % 5) * PAGE + PAGE);
  }
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 10;
  for (int round = 0; round <= rounds; round++) {
    if (round == 1) find_store();
    if (round >= 1) scribble(round - 1);
    allocate((void *)1); /* from call paths that are known since the first round */
    pthread_t threads[2];
    for (uintptr_t i = 0; i < 2; i++) pthread_create(&threads[i], NULL, allocate, (void *)(3 + 2 * (uintptr_t)round + i));
    map();
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    pid_t child = round >= 1 ? fork() : -1;
    if (child == 0) {
      allocate((void *)2);
      _exit(3);
    }
    int status;
    if (child > 0 && (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 3)) return 1;
  }
  printf("%s\n", store ? "done" : "no store");
  return 42;
}
