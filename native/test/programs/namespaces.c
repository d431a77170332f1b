/* Plugins that do not see our symbols: one bound to its own dependencies first (RTLD_DEEPBIND), one in a namespace with
 * a C library of its own (dlmopen). Blocks of the first change hands: `namespaces plugin.so`. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *(*allocate_function)(void);
typedef void (*release_function)(void *);
typedef void *(*relay_function)(void *(*)(size_t), size_t);

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  for (int i = 0; i < 3; i++) {
    void *deep = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    void *apart = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!deep || !apart) {
      fprintf(stderr, "%s\n", dlerror());
      return 3;
    }
    allocate_function deep_allocate = (allocate_function)dlsym(deep, "allocate");
    release_function deep_release = (release_function)dlsym(deep, "release");
    allocate_function apart_allocate = (allocate_function)dlsym(apart, "allocate");
    release_function apart_release = (release_function)dlsym(apart, "release");
    relay_function apart_relay = (relay_function)dlsym(apart, "relay");
    for (int n = 0; n < 2000; n++) {
      deep_release(malloc(1009)); /* ours, freed unseen */
      free(deep_allocate());      /* theirs, freed by us */
      deep_release(deep_allocate());
      apart_release(apart_allocate());
      free(apart_relay(malloc, 1013)); /* our malloc, called from the other namespace */
    }
    dlclose(apart);
    dlclose(deep);
  }
  puts("done");
  return 0;
}
