#include "memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store.h"

/* All indexes at their largest, with the smaller ones that they grew out of, take 35 MiB. */
#define LARGEST_BYTES ((size_t)40 << 20)

static char *range;
static size_t range_bytes, taken;

size_t mp_memory_bytes(int halvings) { return LARGEST_BYTES >> halvings; }

bool mp_memory_init(int halvings) {
  if (range) return true;
  range_bytes = mp_memory_bytes(halvings);
  long address =
      syscall(SYS_mmap, NULL, range_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address != -1) range = (char *)address;
  if (range) madvise(range, range_bytes, MADV_DONTDUMP); /* nothing for a core file */
  return range != NULL;
}

void *mp_memory_take(size_t bytes) {
  size_t rounded = (bytes + 63) & ~(size_t)63;
  size_t start = __atomic_load_n(&taken, __ATOMIC_RELAXED);
  do {
    if (!range || rounded > range_bytes - start) return NULL;
  } while (!__atomic_compare_exchange_n(&taken, &start, start + rounded, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  mp_count_own_bytes(rounded);
  return range + start;
}

void mp_memory_forget(void) {
  if (range) madvise(range, range_bytes, MADV_DONTNEED);
  taken = 0;
}
