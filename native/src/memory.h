/* Our own anonymous memory, by system calls: never through the hooks, never counted, never on the program's heap. */
#ifndef MEMPROF_MEMORY_H
#define MEMPROF_MEMORY_H

#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Zeroed, touched lazily, not reserved; NULL when there is none. */
static inline void *mp_memory_map(size_t bytes) {
  long address =
      syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  return address == -1 ? NULL : (void *)address;
}

static inline void mp_memory_unmap(void *memory, size_t bytes) { syscall(SYS_munmap, memory, bytes); }

#endif
