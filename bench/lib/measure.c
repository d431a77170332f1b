/* `measure RESULT COMMAND [ARGUMENT ...]`: runs the command and writes what it and the children it waited for used, as one line of
 * JSON, to the file RESULT. Ends as the command did. Node has no way to ask for the resources of a single child: wait4(2) has.
 *
 * Allocates nothing and is told by no environment variable, so that it can stand inside a preloaded environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t) { return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3; }

static pid_t child;

static void forward(int signal) {
  if (child > 0) kill(child, signal);
}

int main(int argc, char **argv) {
  if (argc < 3) return 125;
  double started = now_ms();
  child = vfork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  if (child < 0) return 126;
  signal(SIGINT, forward);
  signal(SIGTERM, forward);
  int status;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0)
    if (errno != EINTR) return 126;
  double wall = now_ms() - started;

  char line[256];
  int length = snprintf(line, sizeof line, "{\"wallMs\":%.3f,\"userMs\":%.3f,\"systemMs\":%.3f,\"maxRssKib\":%ld}\n", wall,
                        ms(used.ru_utime), ms(used.ru_stime), used.ru_maxrss);
  int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, line, (size_t)length) != length) return 126;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
