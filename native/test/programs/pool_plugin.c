/* A plugin that brings C++'s operators along, as those with a static libstdc++ do; they hand out its own pool. */
#include <stddef.h>

static char pool[1 << 16];
static size_t used;

void *_Znwm(size_t bytes) { /* operator new */
  void *block = pool + used;
  used += (bytes + 15) & ~(size_t)15;
  return block;
}

void _ZdlPv(void *block) { (void)block; } /* operator delete */

int allocate(void) {
  char *block = _Znwm(1009);
  _ZdlPv(block);
  return pool <= block && block < pool + sizeof pool;
}
