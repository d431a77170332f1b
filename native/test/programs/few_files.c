/* Uses up its file descriptors, then forks: the child allocates without being able to open anything. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16});
  int opened = 0;
  while (open("/dev/null", O_RDONLY) >= 0) opened++;
  for (int i = 0; i < 1000; i++) free(malloc(1009));
  pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 1000; i++) free(malloc(1013));
    _exit(opened > 0 ? 7 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 0;
}
