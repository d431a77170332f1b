/* Unmaps the middle of a range, allocates, then unmaps all of it: right in a program of one thread. A profiler that
 * maps memory of its own in between loses it. Once more in a forked child, which makes its store in between. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTE (1ul << 20)

static void *volatile sink;

/* A call path of its own for each number: the profiler's tables grow. */
static __attribute__((noinline)) int allocate(unsigned path) {
  int sum = path & 1 ? 1 : 2;
  if (path > 1) {
    sum += path & 1 ? allocate(path >> 1) : 1 + allocate(path >> 1);
  } else {
    sink = malloc(70001);
    free(sink);
  }
  return sum;
}

/* Takes up the gaps between what is mapped already, so that the hole is where the next mapping goes. */
static void fill_gaps(void) {
  for (size_t bytes = 64 * 4096; bytes >= 4096; bytes /= 4) {
    for (int i = 0; i < 400; i++) mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
}

static void punch(unsigned first) {
  char *all = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(all + 8192, MEGABYTE - 16384);
  for (unsigned i = 0; i < 200; i++) allocate(first + i);
  munmap(all, MEGABYTE);
  for (unsigned i = 0; i < 200; i++) allocate(first + i);
}

int main(void) {
  fill_gaps();
  for (unsigned i = 1; i < 100; i++) punch(i * 200);
  pid_t pid = fork();
  if (pid == 0) {
    for (unsigned i = 1; i < 20; i++) punch(i * 200);
    _exit(3);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 0;
}
