/* Processes that make processes in every way, five generations deep, allocating all along: `trees`. Each exits with
 * the number of its descendants, so that one that dies shows at the root. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

extern char **environ;

static void *kept[64];

static void churn(void) {
  for (int i = 0; i < 64; i++) {
    free(kept[i]);
    kept[i] = malloc(500 + (size_t)i * 97);
    memset(kept[i], i, 500);
  }
}

static int descendants(pid_t pid) {
  int status;
  if (pid <= 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 100;
  return 1 + WEXITSTATUS(status);
}

static char *self;

static void become(int generations) {
  char number[16];
  snprintf(number, sizeof number, "%d", generations);
  execl(self, self, number, NULL);
  _exit(100);
}

static int grow(int generations) {
  int count = 0;
  churn();
  if (generations == 0) return 0;
  /* fork, and on without exec */
  pid_t pid = fork();
  if (pid == 0) {
    churn();
    _exit(grow(generations - 1));
  }
  churn();
  count += descendants(pid);
  /* fork and exec */
  pid = fork();
  if (pid == 0) become(generations - 2 > 0 ? generations - 2 : 0);
  count += descendants(pid);
  /* vfork and exec */
  pid = vfork();
  if (pid == 0) become(0);
  churn();
  count += descendants(pid);
  /* posix_spawn */
  char *arguments[] = {self, "0", NULL};
  if (posix_spawn(&pid, self, NULL, NULL, arguments, environ) != 0) return 100;
  count += descendants(pid);
  /* a clone that the C library knows nothing of */
  pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    churn();
    syscall(SYS_exit_group, 0);
  }
  count += descendants(pid);
  churn();
  return count;
}

int main(int argc, char **argv) {
  self = argv[0];
  int count = grow(argc > 1 ? atoi(argv[1]) : 5);
  if (argc > 1) return count;
  printf("%d\n", count);
  return 0;
}
