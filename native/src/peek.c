#include "peek.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch.h"

#define PAGE_SHIFT 12 /* a probe of 4 KiB is right, if wasteful, where pages are larger */
#define PAGE_BYTES (1ul << PAGE_SHIFT)
#define TABLE_BITS 13
#define TABLE_ENTRIES (1ul << TABLE_BITS)
#define LOWEST_ADDRESS 65536ul
/* A hole in the stack that is not worth one system call a page: start a new range instead. */
#define MAX_STACK_GAP_PAGES 32

/* Direct mapped: page number, 0 for none. Racing writers overwrite each other; each entry is right by itself. */
static _Atomic uintptr_t readable_pages[TABLE_ENTRIES];
/* Raised by every invalidation, so that an answer which crossed one is not kept. */
static _Atomic uint32_t generation;
static _Atomic uint64_t probes;

/* Pages of this thread's stack that were readable once: they stay so while the thread runs,
 * unless it is a fiber's stack: whoever unmaps that on this thread is seen by mp_peek_invalidate. */
static __thread uintptr_t stack_first_page __attribute__((tls_model("initial-exec")));
static __thread uintptr_t stack_end_page __attribute__((tls_model("initial-exec")));

static inline _Atomic uintptr_t *table_entry(uintptr_t page) {
  return &readable_pages[(page * 0x9e3779b97f4a7c15ull) >> (64 - TABLE_BITS)];
}

/* Asks the kernel. rt_sigprocmask copies the new mask before it looks at `how`: EFAULT says that the page is not readable,
 * EINVAL that only our `how` was wrong. It changes nothing, needs no descriptor, and sandboxes allow it. */
static __attribute__((noinline, cold)) bool probe(uintptr_t page) {
  int saved_errno = errno;
  atomic_fetch_add_explicit(&probes, 1, memory_order_relaxed);
  long result = syscall(SYS_rt_sigprocmask, ~0u, page << PAGE_SHIFT, NULL, 8);
  bool readable = !(result < 0 && errno == EFAULT);
  errno = saved_errno;
  return readable;
}

static inline bool remembered(uintptr_t page) {
  return atomic_load_explicit(table_entry(page), memory_order_relaxed) == page;
}

static __attribute__((noinline, cold)) void remember_page(uintptr_t page) {
  _Atomic uintptr_t *entry = table_entry(page);
  uint32_t before = atomic_load(&generation);
  if (!probe(page)) return;
  atomic_store(entry, page);
  if (atomic_load(&generation) != before) atomic_store(entry, 0);
}

static inline bool plausible(uintptr_t addr, size_t bytes) {
  return addr >= LOWEST_ADDRESS && addr < (1ul << MP_USER_ADDRESS_BITS) && bytes <= (1ul << MP_USER_ADDRESS_BITS) - addr;
}

bool mp_peek_range(uintptr_t addr, size_t bytes) {
  if (!plausible(addr, bytes)) return false;
  uintptr_t last = (addr + (bytes ? bytes - 1 : 0)) >> PAGE_SHIFT;
  for (uintptr_t page = addr >> PAGE_SHIFT; page <= last; page++) {
    if (!remembered(page) && !probe(page)) return false;
  }
  return true;
}

bool mp_peek_remembered(uintptr_t addr, size_t bytes) {
  return plausible(addr, bytes) && remembered(addr >> PAGE_SHIFT) && remembered((addr + bytes - 1) >> PAGE_SHIFT);
}

void mp_peek_remember(uintptr_t addr, size_t bytes) {
  if (!plausible(addr, bytes) || bytes == 0) return;
  uintptr_t last = (addr + bytes - 1) >> PAGE_SHIFT;
  for (uintptr_t page = addr >> PAGE_SHIFT; page <= last; page++) {
    if (!remembered(page)) remember_page(page);
  }
}

static bool start_stack_range(uintptr_t first, uintptr_t end) {
  for (uintptr_t page = first; page < end; page++) {
    if (!probe(page)) return false;
  }
  stack_first_page = first;
  stack_end_page = end;
  return true;
}

static __attribute__((noinline)) bool grow_stack_range(uintptr_t first, uintptr_t end) {
  bool empty = stack_first_page == stack_end_page;
  bool far = end + MAX_STACK_GAP_PAGES < stack_first_page || first > stack_end_page + MAX_STACK_GAP_PAGES;
  if (empty || far) return start_stack_range(first, end);
  while (stack_first_page > first) {
    if (!probe(stack_first_page - 1)) return start_stack_range(first, end); /* a guard page: another fiber's stack */
    stack_first_page--;
  }
  while (stack_end_page < end) {
    if (!probe(stack_end_page)) return start_stack_range(first, end);
    stack_end_page++;
  }
  return true;
}

bool mp_peek_stack_range(uintptr_t addr, size_t bytes) {
  if (bytes == 0 || bytes > PAGE_BYTES || !plausible(addr, bytes)) return false;
  uintptr_t first = addr >> PAGE_SHIFT;
  uintptr_t end = ((addr + bytes - 1) >> PAGE_SHIFT) + 1;
  if (first >= stack_first_page && end <= stack_end_page) return true;
  return grow_stack_range(first, end);
}

void mp_peek_forget_stack(void) { stack_first_page = stack_end_page = 0; }

void mp_peek_invalidate(uintptr_t addr, size_t bytes) {
  uintptr_t first = addr >> PAGE_SHIFT;
  uintptr_t end = (addr + bytes + PAGE_BYTES - 1) >> PAGE_SHIFT;
  if (atomic_load(&probes) == 0) return; /* nothing was asked yet, so nothing is known */
  if (first < stack_end_page && end > stack_first_page) stack_first_page = stack_end_page = 0;
  atomic_fetch_add(&generation, 1);
  if (end - first > TABLE_ENTRIES) {
    for (size_t i = 0; i < TABLE_ENTRIES; i++) {
      uintptr_t page = atomic_load_explicit(&readable_pages[i], memory_order_relaxed);
      if (page >= first && page < end) atomic_store(&readable_pages[i], 0);
    }
    return;
  }
  for (uintptr_t page = first; page < end; page++) {
    _Atomic uintptr_t *entry = table_entry(page);
    if (atomic_load_explicit(entry, memory_order_relaxed) == page) atomic_store(entry, 0);
  }
}

uint64_t mp_peek_probes(void) {
  return atomic_load_explicit(&probes, memory_order_relaxed);
}
