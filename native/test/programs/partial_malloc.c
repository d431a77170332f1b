/* Preloads that stand in for a part of the malloc family only: `malloc`, or with -DALIGNED `posix_memalign`. They count
 * the calls, say so at the end, and pass them on. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static unsigned long calls;

#ifdef ALIGNED
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  static int (*next)(void **, size_t, size_t);
  if (!next) next = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
  calls++;
  return next(out, alignment, bytes);
}
#else
void *malloc(size_t bytes) {
  static void *(*next)(size_t);
  if (!next) next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
  calls++;
  return next(bytes);
}
#endif

__attribute__((destructor)) static void say(void) {
  char line[32];
  int length = snprintf(line, sizeof line, calls ? "calls\n" : "no calls\n");
  if (write(1, line, (size_t)length) != length) _exit(3);
}
