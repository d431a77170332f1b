/* A library that names things as it is loaded, which is before the sampler's own constructor. */
#include <stdlib.h>

#include "../../include/memprof.h"

__attribute__((constructor)) static void early(void) {
  uint32_t previous = memprof_push(memprof_arena(memprof_pool("early", 0)));
  static void *volatile kept;
  kept = malloc(100207);
  memprof_pop(previous);
}
