/* Threads: `threads arenas` allocates in several at once and prints what malloc_info says of each arena; `threads
 * churn` makes and ends many. */
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 6

static pthread_barrier_t barrier;
static volatile long total;

static void *hold(void *argument) {
  size_t bytes = (size_t)argument;
  pthread_barrier_wait(&barrier); /* all there: each gets an arena of its own */
  for (int i = 0; i < 200; i++) {
    void *p = malloc(bytes);
    memset(p, 1, bytes);
  }
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier); /* nobody leaves before malloc_info has looked */
  return NULL;
}

static int arenas(void) {
  static const size_t SIZES[THREADS] = {1009, 2003, 3001, 4001, 5003, 6007};
  pthread_t threads[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, hold, (void *)SIZES[i]);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  malloc_info(0, stdout);
  fflush(stdout);
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  _exit(0);
}

static void *brief(void *argument) {
  (void)argument;
  for (int i = 0; i < 20; i++) {
    void *p = malloc(7001);
    __sync_fetch_and_add(&total, 7001);
    free(p);
  }
  return NULL;
}

static int churn(void) {
  pthread_attr_t smallest; /* a sample must fit the smallest stack that there is */
  pthread_attr_init(&smallest);
  pthread_attr_setstacksize(&smallest, PTHREAD_STACK_MIN);
  for (int i = 0; i < 5000; i++) {
    pthread_t pair[2];
    for (int j = 0; j < 2; j++) pthread_create(&pair[j], &smallest, brief, NULL);
    for (int j = 0; j < 2; j++) pthread_join(pair[j], NULL);
  }
  printf("%ld\n", total);
  return 0;
}

/* Blocks allocated in one thread and freed in another, all at once, with everything sampled or nearly. */
#define SHARED 4096
static void *shared[SHARED];

static void *exchange(void *argument) {
  unsigned state = (unsigned)(size_t)argument;
  for (int i = 0; i < 100000; i++) {
    state = state * 1103515245u + 12345u;
    void **slot = &shared[(state >> 8) % SHARED];
    void *fresh = state & 64 ? malloc(16 + (state >> 20) % 500) : NULL;
    free(__atomic_exchange_n(slot, fresh, __ATOMIC_ACQ_REL));
  }
  return NULL;
}

static int race(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, exchange, (void *)(size_t)(i + 1));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < SHARED; i++) free(shared[i]);
  return 0;
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  if (!strcmp(how, "arenas")) return arenas();
  if (!strcmp(how, "churn")) return churn();
  return race();
}
