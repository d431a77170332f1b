/* Puts on a seccomp filter that kills on any call that touches files, then allocates, maps, and (with an argument)
 * forks and starts threads. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DENY(name) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void put_on(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      DENY(open),
      DENY(openat),
      DENY(stat),
      DENY(lstat),
      DENY(readlink),
      DENY(ftruncate),
      DENY(close),
      DENY(newfstatat),
      DENY(statfs),
      DENY(fstatfs),
      DENY(read),
      DENY(pread64),
      DENY(pwrite64),
      DENY(process_vm_readv),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) exit(77);
}

static void *work(void *argument) {
  for (int i = 0; i < 1000; i++) {
    void *volatile p = malloc(50021);
    free(p);
    munmap(mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 65536);
  }
  return argument;
}

int main(void) {
  pthread_t thread;
  put_on();
  work(NULL);
  pthread_create(&thread, NULL, work, NULL);
  pthread_join(thread, NULL);
  pid_t pid = fork();
  if (pid == 0) {
    work(NULL);
    _exit(5);
  }
  int status;
  waitpid(pid, &status, 0);
  _exit(WIFEXITED(status) && WEXITSTATUS(status) == 5 ? 0 : 1);
}
