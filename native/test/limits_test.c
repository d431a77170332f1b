/* How large the store and our own memory are made under the limits of a process, which getrlimit tells here as the test says. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../src/memory.h"
#include "../src/store_internal.h"
#include "check.h"

#define MIB (1ull << 20)

static bool made_up; /* sanitizers ask before main, and must be told the truth */
static rlim_t limits[RLIM_NLIMITS];

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) {
  if (!made_up) return (int)syscall(SYS_prlimit64, 0, resource, NULL, limit);
  *limit = (struct rlimit){limits[resource], limits[resource]};
  return 0;
}

static char directory[] = "/tmp/memprof-limits-XXXXXX";
static struct mp_control control = {.mean_bytes = 1};

/* The size of the store's file with one limit; 0 when none is made. */
static uint64_t file_bytes(int resource, rlim_t limit) {
  for (int i = 0; i < RLIM_NLIMITS; i++) limits[i] = RLIM_INFINITY;
  limits[resource] = limit;
  made_up = true;
  bool created = mp_store_create(directory, &control, false);
  made_up = false;
  if (!created) return 0;
  struct mp_header *header = mp_store_header();
  char path[64];
  snprintf(path, sizeof path, "%s/%d.0.store", directory, getpid());
  CHECK(unlink(path) == 0);
  for (int i = 0; i < MP_REGION_COUNT; i++) CHECK(header->regions[i].capacity >= 64 && mp_store.capacity[i] == header->regions[i].capacity);
  return header->file_bytes;
}

int main(void) {
  CHECK(mkdtemp(directory) != NULL);
  uint64_t full = file_bytes(RLIMIT_AS, RLIM_INFINITY), smallest = file_bytes(RLIMIT_AS, 1);
  CHECK(full > 32 * MIB && smallest > MIB && smallest < 3 * MIB);
  CHECK(file_bytes(RLIMIT_AS, 2048 * MIB) == full && file_bytes(RLIMIT_DATA, 2048 * MIB) == full);
  for (uint64_t limit = 64 * MIB; limit <= 1024 * MIB; limit *= 2) {
    uint64_t bytes = file_bytes(RLIMIT_AS, limit);
    CHECK(bytes < limit / 24 && bytes >= limit / 96 && bytes >= smallest);
    CHECK(file_bytes(RLIMIT_DATA, limit) == bytes && file_bytes(RLIMIT_MEMLOCK, limit / 2) == bytes);
  }
  /* What every process has is no reason to see less. */
  CHECK(file_bytes(RLIMIT_MEMLOCK, 8 * MIB) == full && file_bytes(RLIMIT_MEMLOCK, 65536) == full);
  CHECK(file_bytes(RLIMIT_FSIZE, 20 * MIB) <= 20 * MIB && file_bytes(RLIMIT_FSIZE, 20 * MIB) > 9 * MIB);
  CHECK(file_bytes(RLIMIT_FSIZE, 0) == 0 && file_bytes(RLIMIT_FSIZE, MIB / 2) == 0);
  CHECK(control.refusals[MP_REFUSED_FILE_SIZE] == 2);
  CHECK(mp_memory_bytes(0) == 40 * MIB && mp_memory_bytes(4) * 16 == mp_memory_bytes(0));
  CHECK(rmdir(directory) == 0);
  return checks_done();
}
