/* A store in a temporary directory, for tests that link the sampler's files without its hooks. */
#ifndef MEMPROF_HARNESS_H
#define MEMPROF_HARNESS_H

#include <stdint.h>

#include "../src/wire.h"

/* Creates and maps it, and removes its file at once. */
void harness_store(void);

/* The same numbers every time. */
static inline uint64_t harness_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

#endif
