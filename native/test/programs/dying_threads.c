/* Threads that end in the middle of whatever they do: a signal handler makes the raw exit call. Bring a malloc without
 * locks (bump_malloc), or the program hangs by itself. Prints how many were ended so. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void on_signal(int signal) {
  (void)signal;
  syscall(SYS_exit, 0);
}

static volatile int running;

static void *work(void *argument) {
  running = 1;
  for (;;) free(malloc(16 + (size_t)argument));
  return NULL;
}

int main(void) {
  signal(SIGUSR1, on_signal);
  int ended = 0;
  for (int i = 0; i < 300; i++) {
    pthread_t thread;
    running = 0;
    if (pthread_create(&thread, NULL, work, (void *)(size_t)i) != 0) return 1;
    while (!running) sched_yield();
    usleep(100 + i);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    ended++;
    for (int j = 0; j < 50; j++) free(malloc(1009));
  }
  printf("%d\n", ended);
  return 0;
}
