/* Sites of known size: `known_truth SIZE COUNT [SIZE COUNT ...]` allocates COUNT blocks of SIZE bytes, in turns, and
 * keeps them; then allocates and frees as many again. */
#include <stdlib.h>

static void *volatile sink;

/* The depth makes each size a call path of its own. */
static __attribute__((noinline)) void *keep(size_t bytes, int depth) {
  void *block = depth == 0 ? malloc(bytes) : keep(bytes, depth - 1);
  sink = block;
  return block;
}
static __attribute__((noinline)) void *drop(size_t bytes) { return malloc(bytes); }

int main(int argc, char **argv) {
  int sites = (argc - 1) / 2;
  long left[64], size[64], any = 1;
  for (int i = 0; i < sites; i++) {
    size[i] = atol(argv[1 + 2 * i]);
    left[i] = atol(argv[2 + 2 * i]);
  }
  while (any) {
    any = 0;
    for (int i = 0; i < sites; i++) {
      if (left[i] == 0) continue;
      left[i]--;
      any = 1;
      keep((size_t)size[i], i);
      sink = drop((size_t)size[i]);
      free(sink);
    }
  }
  _Exit(0);
}
