/* Touches memory that it asks the kernel to back with huge pages, prints what the kernel says it got, and waits for the end of its input. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES (2ul << 20)
#define PAGES 17

int main(void) {
  char *memory = mmap(NULL, (PAGES + 1) * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  memory += -(unsigned long)memory % HUGE_BYTES;
  madvise(memory, PAGES * HUGE_BYTES, MADV_HUGEPAGE);
  memset(memory, 1, PAGES * HUGE_BYTES);
  FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  unsigned long kib = 0;
  while (rollup && fgets(line, sizeof line, rollup))
    if (sscanf(line, "AnonHugePages: %lu", &kib) == 1) break;
  printf("%lu\n", kib);
  fflush(stdout);
  while (read(0, line, sizeof line) > 0) {
  }
  return 0;
}
