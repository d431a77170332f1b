/* What `namespaces` loads. */
#include <stdlib.h>

void *allocate(void) { return malloc(60013); }
void release(void *block) { free(block); }
void *relay(void *(*theirs)(size_t), size_t bytes) {
  void *volatile block = theirs(bytes);
  return block;
}
