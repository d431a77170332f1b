/* Loads and unloads two plugins in turns, so that the second stands where the first stood: `plugins A.so B.so`. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *run(const char *path, const char *function, void **address) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  void *(*allocate)(void) = (void *(*)(void))dlsym(handle, function);
  *address = (void *)allocate;
  void *volatile kept = allocate();
  (void)kept;
  return handle;
}

int main(int argc, char **argv) {
  void *where[2];
  int reused = 0;
  if (argc < 3) return 2;
  for (int i = 0; i < 20; i++) {
    dlclose(run(argv[1], "allocate", &where[0]));
    dlclose(run(argv[2], "allocate", &where[1]));
    reused += where[0] == where[1];
  }
  printf("%d\n", reused);
  return 0;
}
