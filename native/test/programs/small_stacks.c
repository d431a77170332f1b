/* A signal handler that allocates on the smallest alternate stack that SIGSTKSZ ever meant, and threads with the
 * smallest stacks that there are, whose handlers do the same. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ALTERNATE_BYTES 8192

static volatile int handled;

static void on_signal(int signal) {
  (void)signal;
  for (int i = 0; i < 20; i++) free(malloc(17011));
  __atomic_fetch_add(&handled, 1, __ATOMIC_RELAXED);
}

static void *work(void *alternate) {
  stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_BYTES};
  if (sigaltstack(&stack, NULL) != 0) return NULL;
  for (int i = 0; i < 20; i++) {
    free(malloc(17021));
    pthread_kill(pthread_self(), SIGUSR1);
  }
  return alternate;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  pthread_attr_t smallest;
  pthread_attr_init(&smallest);
  pthread_attr_setstacksize(&smallest, PTHREAD_STACK_MIN);
  char *alternates = malloc(101 * ALTERNATE_BYTES);
  for (int i = 0; i < 100; i++) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, &smallest, work, alternates + i * ALTERNATE_BYTES) != 0) return 1;
    pthread_join(thread, &result);
    if (!result) return 2;
  }
  if (!work(alternates + 100 * ALTERNATE_BYTES)) return 3;
  printf("%d\n", handled);
  return 0;
}
