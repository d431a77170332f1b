/* A timer whose handler leaves by siglongjmp, at whatever instruction the allocations of the main loop are. After each jump a
 * block from before is freed. Then 1000 blocks of 17023 bytes are taken, which stay. Bring a malloc without locks (bump_malloc). */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

enum { JUMPS = 1000 };
static sigjmp_buf home;
static volatile int jumps;

static void on_timer(int signal) {
  (void)signal;
  if (jumps >= JUMPS) return;
  jumps++;
  siglongjmp(home, 1);
}

static __attribute__((noinline)) void churn(int depth, size_t bytes) {
  if (depth > 0) churn(depth - 1, bytes);
  void *volatile block = malloc(bytes);
  free(block);
}

static void *volatile kept[1000], *volatile early[JUMPS];

int main(void) {
  struct sigaction action = {.sa_handler = on_timer};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval every = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
  for (int i = 0; i < JUMPS; i++) early[i] = malloc(17017);
  sigsetjmp(home, 1);
  if (jumps > 0) free(early[jumps - 1]); /* sampled: a look at the thread's state */
  setitimer(ITIMER_REAL, &every, NULL);
  for (unsigned n = (unsigned)jumps * 7919u; jumps < JUMPS; n++) churn((int)(n % 50), 17021 + n % 1000 * 64);
  setitimer(ITIMER_REAL, &never, NULL);
  for (int i = 0; i < 1000; i++) kept[i] = malloc(17023);
  printf("%d\n", jumps);
  return 0;
}
