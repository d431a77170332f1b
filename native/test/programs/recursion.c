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

/* Fibers in turns, their stacks side by side with guard pages in between. */
enum { FIBERS = 4, TURNS = 20, STACK_BYTES = 65536, GUARD_BYTES = 4096 };
static ucontext_t fibers[FIBERS];

static void take_turns(int which) {
  for (int i = 0; i < TURNS; i++) {
    sink = malloc(40031);
    swapcontext(&fibers[which], &home);
  }
}

static int guarded(void) {
  size_t bytes = GUARD_BYTES + STACK_BYTES;
  char *stacks = mmap(NULL, FIBERS * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < FIBERS; i++) {
    mprotect(stacks + i * bytes, GUARD_BYTES, PROT_NONE);
    getcontext(&fibers[i]);
    fibers[i].uc_stack.ss_sp = stacks + i * bytes + GUARD_BYTES;
    fibers[i].uc_stack.ss_size = STACK_BYTES;
    fibers[i].uc_link = &home;
    makecontext(&fibers[i], (void (*)(void))take_turns, 1, i);
  }
  for (int i = 0; i < TURNS * FIBERS; i++) swapcontext(&home, &fibers[i % FIBERS]);
  return munmap(stacks, FIBERS * bytes);
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
  if (guarded() != 0) return 1;
  printf("%d\n", reached);
  return 0;
}
