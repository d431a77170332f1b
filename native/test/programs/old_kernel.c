/* `old_kernel PROGRAM ARGS`: runs a program on a kernel that knows neither MADV_POPULATE_WRITE nor MADV_WIPEONFORK, as
 * far as it can tell. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)

int main(int argc, char **argv) {
  struct sock_filter code[] = {
      LOAD(nr),
      SKIP_UNLESS(SYS_madvise, 5),
      LOAD(args[2]),
      SKIP_UNLESS(23, 1),
      ANSWER(SECCOMP_RET_ERRNO | EINVAL),
      SKIP_UNLESS(18, 1),
      ANSWER(SECCOMP_RET_ERRNO | EINVAL),
      ANSWER(SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (argc < 2 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 77;
  execv(argv[1], argv + 1);
  return 78;
}
