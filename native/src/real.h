/* The functions behind our hooks: the next definition after ours. Each pointer starts at a stub that resolves all of
 * them at the first call, which may come from the loader, before any constructor ran. Looking up takes no memory
 * (symbols.h), so there is nothing to hand out meanwhile. */
#ifndef MEMPROF_REAL_H
#define MEMPROF_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fast_path.h"
#include "wire.h"

/* X(result, name, parameters, arguments) */
#define MP_REAL_FUNCTIONS(X)                                                                       \
  X(void *, malloc, (size_t bytes), (bytes))                                                       \
  X(void *, calloc, (size_t count, size_t bytes), (count, bytes))                                  \
  X(void *, realloc, (void *old, size_t bytes), (old, bytes))                                      \
  X(void *, reallocarray, (void *old, size_t count, size_t bytes), (old, count, bytes))            \
  X(void *, memalign, (size_t alignment, size_t bytes), (alignment, bytes))                        \
  X(void *, aligned_alloc, (size_t alignment, size_t bytes), (alignment, bytes))                   \
  X(int, posix_memalign, (void **out, size_t alignment, size_t bytes), (out, alignment, bytes))    \
  X(void *, valloc, (size_t bytes), (bytes))                                                       \
  X(void *, pvalloc, (size_t bytes), (bytes))                                                      \
  X(void *, mmap, (void *address, size_t bytes, int protection, int flags, int fd, off_t offset),  \
    (address, bytes, protection, flags, fd, offset))                                               \
  X(int, munmap, (void *address, size_t bytes), (address, bytes))                                  \
  X(int, mprotect, (void *address, size_t bytes, int protection), (address, bytes, protection))    \
  X(void *, mremap, (void *old, size_t old_bytes, size_t new_bytes, int flags, void *new_address), \
    (old, old_bytes, new_bytes, flags, new_address))                                               \
  X(int, dlclose, (void *handle), (handle))

#define MP_REAL_PROCEDURES(X)                            \
  X(free, (void *old), (old))                            \
  X(cfree, (void *old), (old))                           \
  X(free_sized, (void *old, size_t bytes), (old, bytes)) \
  X(free_aligned_sized, (void *old, size_t alignment, size_t bytes), (old, alignment, bytes))

struct mp_real {
#define X(result, name, parameters, arguments) result(*name) parameters;
  MP_REAL_FUNCTIONS(X)
#undef X
#define X(name, parameters, arguments) void(*name) parameters;
  MP_REAL_PROCEDURES(X)
#undef X
};

extern struct mp_real mp_real MP_HIDDEN;

/* Resolves everything; further calls do nothing. */
void mp_real_resolve(void);

/* enum mp_allocator of the object that defines the real malloc, and where that object lies. */
enum mp_allocator mp_real_allocator(void);
void *mp_real_allocator_symbol(const char *name); /* NULL if it has none */
bool mp_real_is_allocator_code(uintptr_t pc);

/* enum mp_libc. */
enum mp_libc mp_real_libc(void);

#endif
