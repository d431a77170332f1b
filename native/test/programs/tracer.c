/* A debugger of sorts: runs `tracer PROGRAM ARGS`, stops it at every system call, and ends as it ends. */
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  long stops = 0;
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    int signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    stops++;
    if (ptrace(PTRACE_SYSCALL, pid, 0, signal) != 0) return 3;
  }
  fprintf(stderr, "%s\n", stops > 20 ? "traced" : "not traced");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}
