/* A stack deeper than any profile shows, and one on a fiber. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

static void *volatile sink;

static __attribute__((noinline)) int deep(int depth) {
  if (depth == 0) {
    sink = malloc(40009);
    return 1;
  }
  return deep(depth - 1) + 1;
}

static ucontext_t home, fiber;

static void on_fiber(void) {
  sink = malloc(40013);
  swapcontext(&fiber, &home);
}

int main(void) {
  int reached = deep(50000) + deep(251) + deep(100);
  for (int i = 0; i < 50; i++) {
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = 65536;
    fiber.uc_link = &home;
    makecontext(&fiber, on_fiber, 0);
    swapcontext(&home, &fiber);
    munmap(stack, 65536);
  }
  printf("%d\n", reached);
  return 0;
}
