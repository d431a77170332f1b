/* `pairs THREADS COUNT`: malloc and free in turns, as quickly as it goes, over a small working set. Prints ns per pair.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long count;

static void *work(void *argument) {
  void *kept[64] = {NULL};
  unsigned state = (unsigned)(size_t)argument;
  for (long i = 0; i < count; i++) {
    state = state * 1103515245u + 12345u;
    void **slot = &kept[(state >> 16) & 63];
    free(*slot);
    *slot = malloc(16 + ((state >> 8) & 255));
  }
  for (int i = 0; i < 64; i++) free(kept[i]);
  return NULL;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  count = argc > 2 ? atol(argv[2]) : 1000000;
  pthread_t ids[64];
  struct timespec start, end;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
  for (int i = 1; i < threads; i++) pthread_create(&ids[i], NULL, work, (void *)(size_t)(i + 1));
  work((void *)1);
  for (int i = 1; i < threads; i++) pthread_join(ids[i], NULL);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
  printf("%.2f\n", ns / (double)count / threads);
  return 0;
}
