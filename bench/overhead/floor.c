/* The least that standing before malloc and free can cost: both jump on. What the dynamic loader found is read once, at the start. */
#include <dlfcn.h>
#include <stddef.h>

static void *(*real_malloc)(size_t);
static void (*real_free)(void *);

__attribute__((constructor)) static void find(void) {
  real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
  real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
}

/* Calls that come before the constructor find the real ones themselves. */
__attribute__((noinline, cold)) static void *early_malloc(size_t bytes) {
  find();
  return real_malloc(bytes);
}

__attribute__((visibility("default"))) void *malloc(size_t bytes) {
  if (__builtin_expect(real_malloc == NULL, 0)) return early_malloc(bytes);
  return real_malloc(bytes);
}

__attribute__((visibility("default"))) void free(void *block) {
  if (__builtin_expect(real_free == NULL, 0)) find();
  real_free(block);
}
