/* A timer whose handler forks, at whatever instruction the allocations of the main loop are; the child goes on from
 * there, as a fork in a handler may, and then allocates by itself. Prints how many children ended well, and how often the
 * parent allocated. Bring a malloc without locks (bump_malloc). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 100 };
static volatile int forks, child;
static volatile unsigned long allocations;

static void on_timer(int signal) {
  (void)signal;
  if (child || forks >= FORKS) return;
  forks++;
  pid_t pid = fork();
  if (pid == 0) child = 1;
}

static __attribute__((noinline)) void churn(int depth) {
  if (depth > 0) churn(depth - 1);
  free(malloc(17021));
  allocations++;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval every = {{0, 3000}, {0, 3000}};
  setitimer(ITIMER_REAL, &every, NULL);
  for (unsigned n = 0; forks < FORKS && !child; n++) churn(n % 50);
  if (child) {
    for (unsigned n = 0; n < 100; n++) churn(n % 50);
    _exit(7);
  }
  int right = 0, status;
  while (right < FORKS && wait(&status) > 0) right += WIFEXITED(status) && WEXITSTATUS(status) == 7;
  printf("%d\n%lu\n", right, allocations);
  return 0;
}
