/* Keeps books of what it has live in five arenas of malloc, many blocks freed again, and prints the sum of its chunks. Then, for each line
 * that it reads, calls malloc_trim(0) and prints by how many bytes RSS shrank. `calm`: frees no block that fits into a fast bin. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, BLOCKS = 6000, RUN = 48 };

static pthread_barrier_t done;
static size_t live[THREADS + 1];
static int is_calm;

/* xorshift32 */
static uint32_t next(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

static size_t size_of_block(uint32_t *state) {
  uint32_t kind = next(state) % 20;
  if (kind < 10) return 17 + next(state) % 100;
  return kind < 18 ? 121 + next(state) % 4000 : 4001 + next(state) % 50000;
}

/* Blocks of one thread: half of the runs go again, and a quarter of the others. */
static size_t allocate(uint32_t seed) {
  uint32_t state = seed * 2654435761u + 1;
  static char *all[THREADS + 1][BLOCKS];
  char **blocks = all[seed];
  size_t sum = 0;
  for (int i = 0; i < BLOCKS; i++) {
    size_t size = size_of_block(&state);
    blocks[i] = malloc(size);
    memset(blocks[i], 1, size);
  }
  for (int from = 0; from < BLOCKS; from += RUN) {
    int goes = next(&state) % 2;
    for (int i = from; i < from + RUN; i++) {
      size_t bytes = malloc_usable_size(blocks[i]) + sizeof(size_t);
      if ((goes || next(&state) % 4 == 0) && !(is_calm && bytes <= 256)) free(blocks[i]);
      else sum += bytes;
    }
  }
  return sum;
}

static void *thread(void *argument) {
  uint32_t seed = (uint32_t)(uintptr_t)argument;
  live[seed] = allocate(seed);
  pthread_barrier_wait(&done);
  pause();
  return NULL;
}

/* To the page; statm is not, where several threads have touched memory. */
static size_t rss(void) {
  char line[256];
  unsigned long kib = 0;
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL && sscanf(line, "Rss: %lu kB", &kib) != 1) continue;
  if (file == NULL || kib == 0) abort();
  fclose(file);
  return kib * 1024;
}

int main(int argc, char **argv) {
  is_calm = argc > 1 && strcmp(argv[1], "calm") == 0;
  setvbuf(stdout, NULL, _IOLBF, 4096);
  rss();
  pthread_barrier_init(&done, NULL, THREADS + 1);
  for (uintptr_t i = 1; i <= THREADS; i++) {
    pthread_t one;
    if (pthread_create(&one, NULL, thread, (void *)i) != 0) return 1;
  }
  live[0] = allocate(0);
  pthread_barrier_wait(&done);
  size_t sum = 0;
  for (int i = 0; i <= THREADS; i++) sum += live[i];
  printf("%zu\n", sum);
  char line[16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    size_t before = rss();
    malloc_trim(0);
    printf("%zu\n", before - rss());
  }
  return 0;
}
