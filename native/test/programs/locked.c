/* Locks its memory, as programs of real time do, within `ulimit -l`: says whether it may, and how much that took. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static long locked_kb(void) {
  char line[256];
  long kb = -1;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status)) sscanf(line, "VmLck: %ld", &kb);
  if (status) fclose(status);
  return kb;
}

int main(int argc, char **argv) {
  long most_kb = argc > 1 ? atol(argv[1]) : 0;
  int flags = argc > 2 ? atoi(argv[2]) : MCL_CURRENT | MCL_FUTURE;
  errno = 0;
  int result = mlockall(flags);
  printf("%s\n", result == 0 ? "locked" : strerror(errno));
  for (int i = 0; i < 1000; i++) free(malloc(1009));
  if (result == 0) printf("%s\n", locked_kb() > 1000 && locked_kb() < most_kb ? "as much as it has" : "too much");
  char *later = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char resident = 0;
  mincore(later + (1 << 19), 4096, &resident);
  printf("%d\n", resident & 1);
  munlockall();
  printf("%ld\n", locked_kb());
  return 0;
}
