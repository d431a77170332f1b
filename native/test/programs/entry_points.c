/* Every way into the malloc family, each with a size that nobody else asks for, and each freed. `entry_points keep`
 * keeps; `entry_points lenient` is for allocators that are careless with errno, `entry_points apart` also for those
 * that the C library's own pvalloc does not fit. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *pvalloc(size_t) __attribute__((weak)); /* musl has none */
void free_sized(void *, size_t) __attribute__((weak));
void free_aligned_sized(void *, size_t, size_t) __attribute__((weak));
void cfree(void *) __attribute__((weak));

static int keep;

static void done(void *p) {
  if (!p) abort();
  memset(p, 1, 1);
  if (!keep) free(p);
}

int main(int argc, char **argv) {
  keep = argc > 1 && strcmp(argv[1], "keep") == 0;
  int apart = argc > 1 && strcmp(argv[1], "apart") == 0;
  int lenient = apart || (argc > 1 && strcmp(argv[1], "lenient") == 0);
  void *p;
  done(malloc(10007));
  done(calloc(1, 10009));
  p = malloc(10037);
  done(realloc(p, 10039));
  done(realloc(NULL, 10061));
  done(reallocarray(NULL, 1, 10067));
  p = malloc(10069);
  done(reallocarray(p, 1, 10079));
  done(memalign(64, 10091));
  done(aligned_alloc(64, 64 * 157));
  if (posix_memalign(&p, 64, 10093) != 0) abort();
  done(p);
  done(valloc(10099));
  if (pvalloc && !apart) done(pvalloc(3 * 4096));
  if (free_sized && free_aligned_sized && cfree) {
    free_sized(malloc(10103), 10103);
    free_aligned_sized(aligned_alloc(64, 64 * 163), 64, 64 * 163);
    cfree(malloc(10111));
  }
  p = malloc(0);
  if (!keep) free(p);

  /* What must fail goes on failing, in the same way. */
  p = (void *)8;
  if (posix_memalign(&p, 3, 10133) != EINVAL || posix_memalign(&p, 0, 10139) != EINVAL || p != (void *)8) return 2;
  volatile size_t huge = (size_t)1 << 62;
  errno = 0;
  if (malloc(huge) || (errno != ENOMEM && !lenient)) return 3;
  errno = 0;
  if (calloc(huge, 8) || (errno != ENOMEM && !lenient)) return 4;
  errno = 0;
  if (reallocarray(NULL, huge, 8) || (errno != ENOMEM && !lenient)) return 5;
  p = malloc(10141);
  memset(p, 7, 10141);
  if (realloc(p, huge)) return 6;
  for (int i = 0; i < 10141; i++) {
    if (((char *)p)[i] != 7) return 7;
  }
  if (reallocarray(p, huge / 16, 2)) return 8;
  errno = 77; /* the block is still sampled: the test looks for it among the live; success leaves errno alone */
  void *q = malloc(10151);
  free(q);
  return errno == 77 ? 0 : 9;
}
