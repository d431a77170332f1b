#include <stdlib.h>

#ifndef BYTES
#define BYTES 60013
#endif

void *allocate(void) {
  void *volatile block = malloc(BYTES);
  return block;
}
