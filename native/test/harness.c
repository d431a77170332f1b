#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../src/store_internal.h"
#include "check.h"

void harness_store(void) {
  static struct mp_control control = {.mean_bytes = 1};
  char directory[] = "/tmp/memprof-harness-XXXXXX", path[64];
  CHECK(mkdtemp(directory) != NULL);
  CHECK(mp_store_create(directory, &control, false));
  mp_store_publish();
  snprintf(path, sizeof path, "%s/%d.0.store", directory, getpid());
  CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}
