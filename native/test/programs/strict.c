/* Puts on seccomp's strict mode (read, write, exit, nothing else) and goes on allocating small blocks, which malloc has
 * at hand. */
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  void *volatile block;
  for (int i = 0; i < 1000; i++) {
    block = malloc(1009);
    free(block);
  }
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 77;
  for (int i = 0; i < 1000; i++) {
    block = malloc(1009);
    free(block);
  }
  if (write(1, "fine\n", 5) != 5) syscall(SYS_exit, 1);
  syscall(SYS_exit, 0);
  return 2;
}
