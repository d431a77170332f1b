/* What is behind native/include/memprof.h. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "fast_path.h"
#include "hooks.h"
#include "live.h"
#include "mappings.h"
#include "process.h"
#include "sampler.h"
#include "store.h"
#include "tags.h"

/* A library that is loaded with the program names things before our own constructor has run. */
static bool enter(int *saved_errno) {
  *saved_errno = errno;
  if (mp_unlikely(mp_process_state() == MP_STATE_EARLY)) mp_process_start();
  if (mp_enter()) return true;
  errno = *saved_errno;
  return false;
}

static void leave(int saved_errno) {
  mp_leave();
  errno = saved_errno;
}

static size_t length_of(const char *text) { return text ? strlen(text) : 0; }

/* --- naming --- */

#define NAMED(name, parameters, call)                  \
  MP_HOOK uint32_t memprof_v1_##name parameters {      \
    int saved_errno;                                   \
    if (!enter(&saved_errno)) return 0;                \
    uint32_t tag = (call);                             \
    leave(saved_errno);                                \
    return tag;                                        \
  }

NAMED(pool, (const char *name, uint64_t budget_bytes), mp_tag_pool(name, length_of(name), budget_bytes))
NAMED(stage, (const char *name), mp_tag_stage(name, length_of(name)))
NAMED(labels, (const char *pairs), mp_tag_labels(pairs, length_of(pairs)))
NAMED(heap_create, (const char *name), mp_tag_heap(name, length_of(name)))

/* Of an arena that has no record the pool is what is known. */
static uint32_t arena_or_pool(uint32_t pool) {
  uint32_t arena = mp_tag_arena(pool);
  return arena || mp_tag_kind(pool) != MP_TAG_POOL ? arena : pool;
}

NAMED(arena, (uint32_t pool), arena_or_pool(pool))

MP_HOOK void memprof_v1_arena_release(uint32_t arena) {
  int saved_errno;
  if (arena == 0 || !enter(&saved_errno)) return;
  mp_tag_release(arena);
  leave(saved_errno);
}

MP_HOOK void memprof_v1_count(uint32_t tag, int counter, uint64_t by) {
  int saved_errno;
  if (tag == 0 || !enter(&saved_errno)) return;
  mp_tag_count(tag, (enum mp_tag_counter)counter, by);
  leave(saved_errno);
}

/* --- push and pop --- */

/* The last few contexts that this thread made of two tags: threads push the same ones again and again. */
static __thread struct memo {
  uint32_t outer, tag, inside;
} memo[8] __attribute__((tls_model("initial-exec")));

/* Returns the context; the outer one where nothing is recorded. */
static MP_SLOW uint32_t remember(struct memo *entry, uint32_t outer, uint32_t tag) {
  int saved_errno;
  if (!enter(&saved_errno)) return outer;
  uint32_t inside = mp_tag_inside(outer, tag);
  /* A signal handler that pushes in the middle of this finds no entry, and is kept from making one. */
  __atomic_store_n(&entry->tag, 0, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  entry->inside = inside;
  entry->outer = outer;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&entry->tag, tag, __ATOMIC_RELAXED);
  leave(saved_errno);
  return inside;
}

static MP_SLOW void count_late_use(uint32_t tag) { memprof_v1_count(tag, MP_TAG_USES_AFTER_RELEASE, 1); }

MP_HOOK uint32_t memprof_v1_push(uint32_t tag) {
  uint32_t outer = mp_tag_words.c;
  if (tag == 0) return outer;
  struct memo *entry = &memo[(outer * 5 + tag) % 8];
  uint32_t inside = __atomic_load_n(&entry->inside, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a handler may make an entry of its own here: then the rest does not fit */
  if (mp_unlikely(entry->outer != outer || entry->tag != tag)) inside = remember(entry, outer, tag);
  mp_tag_words.c = inside;
  if (mp_unlikely(mp_tag_is_released(tag))) count_late_use(tag);
  return outer;
}

MP_HOOK void memprof_v1_pop(uint32_t previous) { mp_tag_words.c = previous; }

/* --- heaps of the program's own --- */

/* Their blocks are in the table of live samples beside those of malloc, which they may lie in: told apart by a bit. */
static void *custom_address(const void *block) { return (void *)((uintptr_t)block | MP_CUSTOM_ADDRESS); }

static MP_SLOW void alloc_slow(uint32_t heap, const void *block, size_t bytes) {
  if (mp_due(bytes) && mp_tag_kind(heap) == MP_TAG_HEAP) mp_record_custom(custom_address(block), bytes, heap);
}

MP_HOOK void memprof_v1_heap_alloc(uint32_t heap, const void *block, size_t bytes) {
  if (heap == 0 || block == NULL || mp_likely(mp_pass(bytes))) return;
  alloc_slow(heap, block, bytes);
}

MP_HOOK void memprof_v1_heap_free(uint32_t heap, const void *block) {
  if (heap != 0 && mp_unlikely(mp_live_maybe(custom_address(block)))) mp_record_free(custom_address(block), NULL);
}

static uint64_t page_up(uint64_t address) { return (address + 4095) & ~4095ull; }

/* What is taken back of a block is all that its sample stood for; of mappings, only what is in use: whoever mapped it did map it. */
MP_HOOK void memprof_v1_heap_backing(uint32_t heap, const void *start, size_t bytes) {
  uint64_t first = (uintptr_t)start, end;
  if (heap == 0 || start == NULL || __builtin_add_overflow(first, bytes, &end) || end >> 47) return;
  if (mp_live_maybe(start)) mp_record_backing((void *)first);
  first = page_up(first);
  end &= ~4095ull;
  int saved_errno;
  if (first >= end || !enter(&saved_errno)) return;
  mp_mappings_unmap(first, end, mp_now_ns());
  leave(saved_errno);
}

MP_HOOK void memprof_v1_heap_reset(uint32_t heap) {
  if (heap == 0 || !mp_store_header()) return;
  const struct mp_live *live = mp_store_region(MP_REGION_LIVE);
  for (uint64_t i = 0; i < mp_store_used(MP_REGION_LIVE); i++) {
    uint64_t address = __atomic_load_n(&live[i].address, __ATOMIC_RELAXED);
    if ((address & MP_CUSTOM_ADDRESS) && mp_site_arena(__atomic_load_n(&live[i].site, __ATOMIC_RELAXED)) == heap)
      mp_record_free((void *)address, NULL);
  }
}
