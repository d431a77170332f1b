/* A signal handler that allocates and frees, at 5 kHz, over a main loop that does nothing else either. POSIX forbids
 * it, programs do it, and an allocator without locks survives it: so this one brings its own (a bump allocator). With an argument, on the stack of
 * what it interrupts. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static volatile long handled;

static void on_timer(int signal) {
  (void)signal;
  for (int i = 0; i < 10; i++) free(malloc(17011));
  handled++;
}

int main(int argc, char **argv) {
  (void)argv;
  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART | (argc > 1 ? 0 : SA_ONSTACK)};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval every = {{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &every, NULL);
  while (handled < 2000) free(malloc(17021));
  printf("%ld\n", handled >= 2000 ? 2000l : handled);
  return 0;
}
