/* A library (or a part of an executable) that counts the program's calls of malloc, free, mmap and so on and passes
 * each on to the next definition, wherever the loader finds that. Says so at the end. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

static unsigned long calls;

#define WRAP(result, name, parameters, arguments)                    \
  result name parameters {                                           \
    static result(*next) parameters;                                 \
    if (!next) next = (result(*) parameters)dlsym(RTLD_NEXT, #name); \
    calls++;                                                         \
    return next arguments;                                           \
  }

WRAP(void *, malloc, (size_t bytes), (bytes))
WRAP(void *, calloc, (size_t count, size_t bytes), (count, bytes))
WRAP(void *, realloc, (void *old, size_t bytes), (old, bytes))
WRAP(void, free, (void *old), (old))
WRAP(int, posix_memalign, (void **out, size_t alignment, size_t bytes), (out, alignment, bytes))
WRAP(void *, memalign, (size_t alignment, size_t bytes), (alignment, bytes))
WRAP(void *, mmap, (void *address, size_t bytes, int protection, int flags, int fd, off_t offset),
     (address, bytes, protection, flags, fd, offset))
WRAP(int, munmap, (void *address, size_t bytes), (address, bytes))
WRAP(int, mprotect, (void *address, size_t bytes, int protection), (address, bytes, protection))
WRAP(int, dlclose, (void *handle), (handle))
#ifdef OPERATORS
WRAP(void *, _Znwm, (size_t bytes), (bytes)) /* operator new */
WRAP(void, _ZdlPv, (void *old), (old))       /* operator delete */
#endif

__attribute__((noreturn)) void exit(int status) {
  void (*next)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
  calls++;
  next(status);
  _exit(3);
}

__attribute__((destructor)) static void say(void) {
  char line[32];
  int length = snprintf(line, sizeof line, calls ? "calls\n" : "no calls\n");
  if (write(1, line, (size_t)length) != length) _exit(3);
}
