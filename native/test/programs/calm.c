/* A second of nothing but small allocations, then a calm with a large one now and then: the sampler's mean rises and falls. */
#include <stdlib.h>
#include <time.h>

int main(void) {
  struct timespec start, now, pause = {.tv_nsec = 100000000};
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    for (int i = 0; i < 1000; i++) {
      void *volatile block = malloc(1009);
      free(block);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec < 2);
  for (int i = 0; i < 35; i++) {
    nanosleep(&pause, NULL);
    void *volatile block = malloc(100 << 20);
    free(block);
  }
  return 0;
}
