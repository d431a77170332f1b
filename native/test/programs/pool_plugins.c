/* Loads a plugin, uses and unloads it, again and again, each time at another address: `pool_plugins plugin.so`. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
  int right = 0;
  if (argc < 2) return 2;
  for (int i = 0; i < 5; i++) {
    void *handle = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!handle) return 3;
    int (*allocate)(void) = (int (*)(void))dlsym(handle, "allocate");
    right += allocate();
    dlclose(handle);
    /* Nobody may move in where its code lay, least of all the same plugin. */
    void *page = (void *)((uintptr_t)allocate & ~(uintptr_t)4095);
    if (mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != page) return 4;
  }
  printf("%d\n", right);
  return 0;
}
