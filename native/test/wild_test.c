/* The unwinder on stacks that no program has: registers and memory at random, but often enough a pointer into the stack, a return
 * address or a frame record, so that walks go on for a while. It must come back, whatever it meets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../src/modules.h"
#include "../src/unwind.h"
#include "check.h"
#include "harness.h"

#define ROUNDS 100000
#define PAGE 4096ul
#define STACK_BYTES (16 * PAGE)

static uint64_t state = 20261125;
static char *stack; /* a page that cannot be read on either side, and one in the middle */

static uint64_t below(uint64_t bound) { return harness_random(&state) % bound; }

static uint64_t code_address(void) {
  static const void *const functions[] = {(void *)&printf, (void *)&qsort, (void *)&strtod, (void *)&malloc, (void *)&memmem};
  return (uintptr_t)functions[below(sizeof functions / sizeof *functions)] + below(200);
}

static uint64_t any_word(void) {
  switch (below(24)) {
    case 0: return 0;
    case 1: return harness_random(&state);
    case 2: return below(1 << 16);
    case 3: return UINT64_MAX - below(256);
    case 4: return (uintptr_t)stack + below(STACK_BYTES + PAGE); /* into the page behind, too */
    case 5: return (uintptr_t)stack + below(STACK_BYTES / 8) * 8;
    default: return code_address();
  }
}

/* Mostly as a thread's are: code, and two addresses in its stack. */
static struct mp_registers any_registers(void) {
  if (below(4) == 0) return (struct mp_registers){.pc = any_word(), .sp = any_word(), .fp = any_word(), .extra = any_word()};
  uint64_t sp = (uintptr_t)stack + below(STACK_BYTES / 8) * 8;
  return (struct mp_registers){.pc = code_address(), .sp = sp, .fp = sp + below(64) * 8, .extra = any_word()};
}

int main(void) {
  static struct mp_stack walked;
  uint64_t frames = 0, deepest = 0;
  char *pages = mmap(NULL, STACK_BYTES + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  stack = pages + PAGE;
  CHECK(mprotect(pages, PAGE, PROT_NONE) == 0 && mprotect(stack + STACK_BYTES, PAGE, PROT_NONE) == 0);
  CHECK(mprotect(stack + STACK_BYTES / 2, PAGE, PROT_NONE) == 0);
  harness_store();
  mp_modules_init();
  for (uint64_t round = 0; round < ROUNDS; round++) {
    if (round % 16 == 0) {
      for (uint64_t i = 0; i < STACK_BYTES / 8; i++) {
        if (i * 8 / PAGE != STACK_BYTES / 2 / PAGE) ((uint64_t *)stack)[i] = any_word();
      }
    }
    mp_unwind(any_registers(), &walked);
    CHECK(walked.count >= 0 && walked.count <= (int)MP_MAX_FRAMES);
    frames += (uint64_t)walked.count;
    if ((uint64_t)walked.count > deepest) deepest = (uint64_t)walked.count;
  }
  printf("%d walks: %.1f frames, at most %d\n", ROUNDS, (double)frames / ROUNDS, (int)deepest);
  CHECK(deepest >= 8 && frames > ROUNDS * 3 / 2); /* else it tests nothing */
  return checks_done();
}
