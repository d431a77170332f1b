#include "memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store.h"

/* All indexes at their largest, with the smaller ones that they grew out of, take 34 MiB. */
#define RANGE_BYTES ((size_t)40 << 20)

static char *range;
static size_t taken;

bool mp_memory_init(void) {
  if (range) return true;
  long address =
      syscall(SYS_mmap, NULL, RANGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address != -1) range = (char *)address;
  if (range) madvise(range, RANGE_BYTES, MADV_DONTDUMP); /* nothing for a core file */
  return range != NULL;
}

void *mp_memory_take(size_t bytes) {
  size_t rounded = (bytes + 63) & ~(size_t)63;
  size_t start = __atomic_load_n(&taken, __ATOMIC_RELAXED);
  do {
    if (!range || rounded > RANGE_BYTES - start) return NULL;
  } while (!__atomic_compare_exchange_n(&taken, &start, start + rounded, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  mp_count_own_bytes(rounded);
  return range + start;
}

void mp_memory_forget(void) {
  if (range) madvise(range, RANGE_BYTES, MADV_DONTNEED);
  taken = 0;
}
