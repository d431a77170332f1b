/* Processes that make processes. The argument says how. Every process allocates blocks of its own prime size. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void *blocks[1000];

static void allocate(size_t bytes) {
  for (int i = 0; i < 100; i++) blocks[i] = malloc(bytes);
}

static void free_all(void) {
  for (int i = 0; i < 100; i++) free(blocks[i]);
}

static int wait_for(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return status;
}

/* A fork that the C library knows nothing of. */
static pid_t raw_fork(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static int forked(pid_t (*make)(void)) {
  allocate(30011); /* the parent's, live across the fork */
  pid_t pid = make();
  if (pid == 0) {
    free_all(); /* the child's copies: no business of the parent's store */
    allocate(30013);
    _exit(0);
  }
  int status = wait_for(pid);
  allocate(30029);
  return status;
}

static int with_vfork(void) {
  allocate(30011);
  pid_t pid = vfork();
  if (pid == 0) {
    void *p = malloc(30047); /* in the parent's memory, thus the parent's */
    (void)p;
    execl("/bin/true", "true", NULL);
    _exit(9);
  }
  int status = wait_for(pid);
  allocate(30029);
  return status;
}

static int spawned(void) {
  pid_t pid;
  char *arguments[] = {"true", NULL};
  allocate(30011);
  if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) != 0) return 1;
  return wait_for(pid);
}

static int storm(void) {
  int failures = 0;
  for (int i = 0; i < 200; i++) {
    allocate(30011);
    pid_t pid = fork();
    if (pid == 0) {
      free_all();
      allocate(30013);
      _exit(7);
    }
    free_all();
    failures += wait_for(pid) != 7 << 8;
  }
  return failures;
}

/* In the child, four threads take their first sample at once, while a fifth frees what the parent had sampled. */
static void *allocate_together(void *barrier) {
  pthread_barrier_wait(barrier);
  for (int i = 0; i < 100; i++) {
    void *volatile block = malloc(30059);
    free(block);
  }
  return NULL;
}

static int threads_in_children(void) {
  int failures = 0;
  for (int i = 0; i < 100; i++) {
    allocate(30011);
    pid_t pid = fork();
    if (pid == 0) {
      pthread_t threads[4];
      pthread_barrier_t barrier;
      pthread_barrier_init(&barrier, NULL, 5);
      for (int n = 0; n < 4; n++) {
        if (pthread_create(&threads[n], NULL, allocate_together, &barrier) != 0) _exit(1);
      }
      pthread_barrier_wait(&barrier);
      free_all();
      for (int n = 0; n < 4; n++) pthread_join(threads[n], NULL);
      _exit(7);
    }
    free_all();
    failures += wait_for(pid) != 7 << 8;
  }
  return failures;
}

static int exec_chain(char *self, const char *left) {
  allocate(30011);
  int n = atoi(left);
  if (n == 0) return 0;
  char next[16];
  snprintf(next, sizeof next, "%d", n - 1);
  execl(self, self, "exec", next, NULL);
  return 1;
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  if (!strcmp(how, "fork")) return forked(fork);
  if (!strcmp(how, "clone")) return forked(raw_fork);
  if (!strcmp(how, "vfork")) return with_vfork();
  if (!strcmp(how, "spawn")) return spawned();
  if (!strcmp(how, "storm")) return storm();
  if (!strcmp(how, "threads")) return threads_in_children();
  if (!strcmp(how, "exec")) return exec_chain(argv[0], argc > 2 ? argv[2] : "0");
  if (!strcmp(how, "exit")) {
    allocate(30011);
    atexit(free_all);
    exit(0);
  }
  if (!strcmp(how, "return")) {
    allocate(30011);
    atexit(free_all);
    return 0;
  }
  return 99;
}
