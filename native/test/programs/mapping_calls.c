/* Mappings cut, joined, moved and protected. Prints what must be left: one line "start end committed" per range. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *check(void *p) {
  if (p == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return p;
}

static void expect(const char *label, char *start, unsigned long from_page, unsigned long to_page, int committed) {
  printf("%s %lx %lx %lu\n", label, (unsigned long)start + from_page * PAGE, (unsigned long)start + to_page * PAGE,
         committed ? (to_page - from_page) * PAGE : 0);
}

/* Each range is mapped apart from the others (PROT_NONE on both sides, by a raw call) so that none touches its
 * neighbour. */
static char *place(unsigned long pages) {
  static char *next = (char *)0x600000000000;
  char *at = next;
  next += (pages + 1000) * PAGE;
  return at;
}

int main(void) {
  char *a = check(mmap(place(100), 100 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  munmap(a + 10 * PAGE, 20 * PAGE); /* a hole */
  munmap(a + 90 * PAGE, 10 * PAGE); /* the tail */
  munmap(a, 1 * PAGE);              /* the head */
  expect("hole", a, 1, 10, 1);
  expect("hole", a, 30, 90, 1);

  char *reserve = check(mmap(place(4096), 4096 * PAGE, PROT_NONE, ANON | MAP_NORESERVE | MAP_FIXED, -1, 0));
  mprotect(reserve, 17 * PAGE, RW);
  mprotect(reserve + 17 * PAGE, 14 * PAGE, RW);      /* another call, another place in the program */
  mprotect(reserve + 5 * PAGE, 3 * PAGE, PROT_NONE); /* given back */
  for (int i = 0; i < 100; i++) {                    /* as a JIT compiler does */
    mprotect(reserve + 8 * PAGE, 4 * PAGE, PROT_READ | PROT_EXEC);
    mprotect(reserve + 8 * PAGE, 4 * PAGE, RW);
  }
  expect("reserve", reserve, 0, 5, 1);
  expect("reserve", reserve, 5, 8, 0);
  expect("reserve", reserve, 8, 17, 1);
  expect("reserve", reserve, 17, 31, 1);
  expect("reserve", reserve, 31, 4096, 0);

  char *over = check(mmap(place(50), 50 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  check(mmap(over + 20 * PAGE, 5 * PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0)); /* decommit by mapping over */
  expect("over", over, 0, 20, 1);
  expect("over", over, 20, 25, 0);
  expect("over", over, 25, 50, 1);

  char *grown = check(mmap(place(10), 10 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  grown = check(mremap(grown, 10 * PAGE, 25 * PAGE, 0)); /* in place: nothing behind it */
  expect("grown", grown, 0, 10, 1);
  expect("grown", grown, 10, 25, 1);

  char *moved = check(mmap(place(10), 10 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  moved = check(mremap(moved, 10 * PAGE, 12 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place(12)));
  expect("moved", moved, 0, 10, 1);
  expect("moved", moved, 10, 12, 1);

  char *shrunk = check(mmap(place(30), 30 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  shrunk = check(mremap(shrunk, 30 * PAGE, 7 * PAGE, MREMAP_MAYMOVE));
  expect("shrunk", shrunk, 0, 7, 1);

  char *left = check(mmap(place(6), 6 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  char *taken = mremap(left, 6 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | 4 /* MREMAP_DONTUNMAP */, place(6));
  expect("left", left, 0, 6, 1);
  if (taken != MAP_FAILED) expect("taken", taken, 0, 6, 1); /* Linux >= 5.7 */

  int fd = open("/proc/self/exe", O_RDONLY);
  char *file = check(mmap(place(2), 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0));
  close(fd);
  expect("file", file, 0, 2, 1);

  /* What fails changes nothing. */
  char *kept = check(mmap(place(3), 3 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
  if (munmap(kept + 1, PAGE) == 0 || munmap(kept, 0) == 0) return 3;
  if (mremap(kept, 3 * PAGE, 1ul << 60, MREMAP_MAYMOVE) != MAP_FAILED) return 4;
  if (mprotect((char *)0x10000, PAGE, RW) == 0) return 5;
#ifndef __aarch64__ /* qemu-user, which these tests run arm64 programs under, dies of it */
  /* A length that reaches beyond the end of all addresses. */
  if (munmap(a, 1ul << 60) == 0 || munmap(a, 0ul - (unsigned long)a) == 0 || munmap(a, -1ul) == 0) return 6;
  if (mremap(a, 1ul << 60, PAGE, 0) != MAP_FAILED || mremap(a, -PAGE, PAGE, 0) != MAP_FAILED) return 7;
#endif
  expect("kept", kept, 0, 3, 1);

  fflush(stdout);
  _exit(0);
}
