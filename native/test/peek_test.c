/* Readable is readable, and no longer once it was taken away, also while other threads ask. Run under sanitizers. */
#include "../src/peek.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "check.h"

#define PAGE 4096ul

static char *map_pages(size_t pages) {
  char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

static void protect(char *p, size_t bytes, int protection) {
  mp_peek_invalidate((uintptr_t)p, bytes);
  CHECK(mprotect(p, bytes, protection) == 0);
  mp_peek_invalidate((uintptr_t)p, bytes);
}

static void answers(void) {
  uint64_t word = 0;
  char *p = map_pages(4);
  uintptr_t a = (uintptr_t)p;
  errno = 71;
  CHECK(mp_peek_range(a, 4 * PAGE));
  CHECK(!mp_peek_range(0, 8) && !mp_peek_range(~0ul, 8) && !mp_peek_range(1ul << 47, 8) && !mp_peek_range(8, 0));
  CHECK(!mp_peek_range(a, ~0ul) && !mp_peek_range((1ul << 47) - 4, 8));
  uint64_t probes = mp_peek_probes();
  CHECK(mp_peek_range(a, 8) && mp_peek_probes() == probes + 1);
  mp_peek_remember(a, 4 * PAGE);
  probes = mp_peek_probes();
  for (int i = 0; i < 1000; i++) CHECK(mp_peek_range(a + (uintptr_t)i, 8));
  CHECK(mp_peek_probes() == probes);

  protect(p + PAGE, PAGE, PROT_NONE);
  CHECK(mp_peek_range(a, PAGE) && !mp_peek_range(a, PAGE + 1) && !mp_peek_range(a + PAGE, 0));
  CHECK(mp_peek_u64(a + PAGE - 8, &word) && !mp_peek_u64(a + PAGE - 7, &word));
  protect(p + PAGE, PAGE, PROT_READ);
  CHECK(mp_peek_u64(a + PAGE - 4, &word));
  /* What is not readable is not remembered, and forgotten is forgotten. */
  mp_peek_remember(8, 8);
  CHECK(!mp_peek_range(8, 8));
  probes = mp_peek_probes();
  CHECK(mp_peek_range(a + PAGE, 8) && mp_peek_probes() == probes + 1);
  p[PAGE * 2] = 1;
  memset(p + PAGE * 2, 0x5a, 16);
  CHECK(mp_peek_u64(a + PAGE * 2 + 3, &word) && word == 0x5a5a5a5a5a5a5a5aull);
  /* Larger than the table: swept, not walked. */
  mp_peek_invalidate(a, 1ul << 40);
  CHECK(mp_peek_range(a, 4 * PAGE));
  mp_peek_invalidate(a, 4 * PAGE);
  munmap(p, 4 * PAGE);
  mp_peek_invalidate(a, 4 * PAGE);
  CHECK(!mp_peek_range(a, 8));
  CHECK(errno == 71);
}

static void stack(void) {
  char here[64];
  uintptr_t a = (uintptr_t)here & ~7ul;
  CHECK(mp_peek_stack_range(a, 40));
  CHECK(!mp_peek_stack_range(0, 40) && !mp_peek_stack_range(a, 0) && !mp_peek_stack_range(~0ul - 7, 40));
  char *guarded = map_pages(3);
  protect(guarded, PAGE, PROT_NONE);
  CHECK(mp_peek_stack_range((uintptr_t)guarded + PAGE, 40));
  CHECK(mp_peek_stack_range((uintptr_t)guarded + 2 * PAGE - 20, 40));
  CHECK(!mp_peek_stack_range((uintptr_t)guarded + PAGE - 20, 40));
  CHECK(mp_peek_stack_range(a, 40));
  munmap(guarded, 3 * PAGE);

  /* Fibers in turns: stacks of three pages, each with a guard page below. */
  char *fibers = map_pages(16);
  for (int i = 0; i < 4; i++) protect(fibers + i * 4 * PAGE, PAGE, PROT_NONE);
  for (int i = 0; i < 40; i++) {
    uintptr_t top = (uintptr_t)fibers + (uintptr_t)(i * 5 % 4 + 1) * 4 * PAGE;
    CHECK(mp_peek_stack_range(top - 40, 40) && mp_peek_stack_range(top - 3 * PAGE, 40));
    CHECK(!mp_peek_stack_range(top - 3 * PAGE - 40, 40));
    uint64_t probes = mp_peek_probes();
    CHECK(mp_peek_stack_range(top - 2 * PAGE, 40) && mp_peek_probes() == probes);
  }
  /* A fiber's stack that goes is forgotten. */
  CHECK(mp_peek_stack_range((uintptr_t)fibers + PAGE, 40));
  protect(fibers + PAGE, 3 * PAGE, PROT_NONE);
  CHECK(!mp_peek_stack_range((uintptr_t)fibers + PAGE, 40));
  munmap(fibers, 16 * PAGE);
}

/* One thread takes pages away and gives them back; others ask. When nobody touches the pages, the answer must be right.
 */
static char *shared_page;
static _Atomic int stop;
static _Atomic unsigned long asked;

static void *ask(void *unused) {
  while (!atomic_load(&stop)) {
    if (mp_peek_range((uintptr_t)shared_page, 8)) mp_peek_remember((uintptr_t)shared_page, 8);
    atomic_fetch_add(&asked, 1);
  }
  return unused;
}

static void races(void) {
  pthread_t askers[3];
  shared_page = map_pages(1);
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&askers[i], NULL, ask, NULL) == 0);
  for (int i = 0; i < 3000 || atomic_load(&asked) < 3000; i++) {
    protect(shared_page, PAGE, PROT_NONE);
    CHECK(!mp_peek_range((uintptr_t)shared_page, 8));
    protect(shared_page, PAGE, PROT_READ);
    CHECK(mp_peek_range((uintptr_t)shared_page, 8));
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < 3; i++) pthread_join(askers[i], NULL);
}

int main(void) {
  answers();
  stack();
  races();
  return checks_done();
}
