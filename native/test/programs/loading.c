/* Two threads allocate in a plugin that stays while a third loads and unloads two others, without end to the change of
 * what lies where: `loading STAYS.so A.so B.so`. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *(*allocate_there)(void);
static volatile int done;

static void *work(void *argument) {
  unsigned long count = 0;
  while (!done) {
    free(allocate_there());
    count++;
  }
  return count ? argument : NULL;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  void *stays = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!stays) return 3;
  allocate_there = (void *(*)(void))dlsym(stays, "allocate");
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, work, &threads[i]);
  for (int i = 0; i < 400; i++) {
    void *handle = dlopen(argv[2 + i % 2], RTLD_NOW | RTLD_LOCAL);
    if (!handle) return 4;
    void *(*allocate)(void) = (void *(*)(void))dlsym(handle, "allocate");
    for (int n = 0; n < 20; n++) free(allocate());
    dlclose(handle);
  }
  done = 1;
  int worked = 0;
  for (int i = 0; i < 2; i++) {
    void *result;
    pthread_join(threads[i], &result);
    worked += result != NULL;
  }
  printf("%d\n", worked);
  return 0;
}
