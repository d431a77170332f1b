/* Threads in all the parts at once: interning, sites, live table and its filter, events, mappings, the caches of the unwinder and
 * of readable pages. Made for the race detector, but what comes out must be right in every build. */
#include <pthread.h>
#include <sys/mman.h>

#include "../src/live.h"
#include "../src/mappings.h"
#include "../src/modules.h"
#include "../src/peek.h"
#include "../src/store_internal.h"
#include "../src/tags.h"
#include "../src/unwind.h"
#include "check.h"
#include "harness.h"

#define THREADS 4
#define TAGGERS 8
#define NAMES 16
#define ROUNDS 3000
#define STACKS 64
#define PAGE 4096ul

static char *shared_page;

/* Many threads ask for the same few stacks: whoever interned one, all get the same node, and it holds those frames. */
static uint32_t intern_one(uint64_t which) {
  uint64_t frames[8];
  uint32_t flags = 0;
  for (uint64_t i = 0; i < 8; i++) frames[i] = 0x1000 + (which << i % 3) + i;
  uint32_t leaf = mp_store_stack(frames, 8, &flags), at = leaf;
  const struct mp_node *nodes = mp_store_region(MP_REGION_NODES);
  for (int i = 0; i < 8; i++, at = nodes[at].parent) CHECK(nodes[at].frame == frames[i]);
  CHECK(at == 0 && flags == 0);
  return leaf;
}

static void one_sample(uint64_t round, uintptr_t thread) {
  struct mp_site_key key = {.node = intern_one(round % STACKS), .heap = MP_HEAP_MALLOC};
  uint32_t site = mp_store_site(&key);
  CHECK(site != MP_NONE);
  mp_site_add(site, 1, 16, 0, 0);
  uintptr_t address = 0x500000000000 + (thread << 32) + round * 16;
  struct mp_live removed;
  CHECK(mp_live_add(address, 16, 16, 1, site));
  CHECK(mp_live_maybe((void *)address) && mp_live_contains(address));
  if (round % 4 != 0) CHECK(mp_live_remove(address, &removed) && removed.address == address && removed.site == site);
  mp_store_event(&(struct mp_event){.type = MP_EVENT_ALLOC, .address = address, .size_bytes = 16, .site = site});
  mp_count(MP_ALLOC_SAMPLES, 1);
}

static void heard(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns) { (void)start, (void)bytes, (void)site, (void)now_ns; }

static void one_mapping(uint64_t round, uintptr_t thread) {
  uint64_t start = 0x600000000000 + ((uint64_t)thread << 32) + round % 16 * 4 * PAGE;
  CHECK(mp_mappings_map(start, start + 4 * PAGE, true, 0, 1));
  CHECK(mp_mappings_unmap(start + PAGE, start + 2 * PAGE, 1));
}

/* The same stack however often it is asked for, while another thread makes all caches expire. */
static __attribute__((noinline)) void one_walk(struct mp_stack *first) {
  struct mp_stack now;
  struct mp_registers here;
  mp_registers_here(&here);
  mp_unwind(here, &now);
  CHECK(now.count > 1 && !(now.flags & MP_SITE_STACK_BROKEN));
  if (first->count == 0) *first = now;
  CHECK(now.count == first->count);
  for (int i = 0; i < now.count; i++)
    CHECK(((now.frames[i] ^ first->frames[i]) & MP_FRAME_ADDRESS_MASK) == 0 || i == 0);
}

static void *work(void *argument) {
  uintptr_t thread = (uintptr_t)argument;
  struct mp_stack first = {.count = 0};
  for (uint64_t round = 0; round < ROUNDS; round++) {
    one_sample(round, thread);
    if (round % 4 == 0) one_mapping(round, thread);
    one_walk(&first);
    if (thread == 0 && round % 64 == 0) mp_modules_changed();
    if (thread == 1 && round % 16 == 0) mp_peek_invalidate((uintptr_t)shared_page, PAGE);
    CHECK(mp_peek_range((uintptr_t)shared_page, 8));
    mp_peek_remember((uintptr_t)shared_page, 8);
  }
  return NULL;
}

/* The same few names and contexts from many threads: one tag for each, arenas numbered without a gap. */
static void *name_things(void *argument) {
  static uint32_t pools[NAMES], contexts[NAMES];
  char name[16];
  for (uint64_t round = 0; round < ROUNDS; round++) {
    uint64_t which = (round + (uintptr_t)argument) % NAMES;
    size_t length = (size_t)snprintf(name, sizeof name, "pool %lu", (unsigned long)which);
    uint32_t pool = mp_tag_pool(name, length, 1009), none = 0;
    CHECK(pool != 0);
    if (!__atomic_compare_exchange_n(&pools[which], &none, pool, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) CHECK(none == pool);
    uint32_t context = mp_tag_context(pool, mp_tag_stage("prefill", 7), mp_tag_labels(name, length));
    none = 0;
    CHECK(mp_tag_kind(context) == MP_TAG_CONTEXT);
    if (!__atomic_compare_exchange_n(&contexts[which], &none, context, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) CHECK(none == context);
    uint32_t arena = mp_tag_arena(pool);
    CHECK(mp_tag_ordinal(arena) > 0 && mp_tag_inside(context, arena) == mp_tag_inside(mp_tag_inside(0, arena), mp_tag_context(0, mp_tag_stage("prefill", 7), mp_tag_labels(name, length))));
    struct mp_site_key key = {.node = intern_one(round % STACKS), .heap = MP_HEAP_MALLOC, .tag = arena, .tag_source = MP_TAG_SOURCE_C};
    CHECK(mp_store_site(&key) != MP_NONE);
    mp_tag_count(pool, MP_TAG_HITS, 1);
    mp_tag_release(arena);
  }
  return NULL;
}

static void tags(void) {
  pthread_t threads[TAGGERS];
  for (uintptr_t i = 0; i < TAGGERS; i++) CHECK(pthread_create(&threads[i], NULL, name_things, (void *)i) == 0);
  for (int i = 0; i < TAGGERS; i++) pthread_join(threads[i], NULL);
  const struct mp_tag *table = mp_store_region(MP_REGION_TAGS);
  uint64_t pools = 0, ordinals = 0, hits = 0, folded = 0, arenas = 0;
  for (uint64_t i = 0; i < mp_store_used(MP_REGION_TAGS); i++) {
    if (table[i].kind == MP_TAG_ARENA) arenas++;
    if (table[i].kind != MP_TAG_POOL) continue;
    pools++;
    ordinals += table[i].ordinal;
    hits += table[i].counters[MP_TAG_HITS];
    folded += table[i].folded;
  }
  CHECK(pools == NAMES && ordinals == TAGGERS * ROUNDS && hits == ordinals && arenas + folded == ordinals);
}

static void totals(void) {
  const struct mp_header *header = mp_store_header();
  const struct mp_site *sites = mp_store_region(MP_REGION_SITES);
  const struct mp_live *live = mp_store_region(MP_REGION_LIVE);
  uint64_t samples = 0, left = 0;
  for (uint64_t i = 0; i < header->regions[MP_REGION_SITES].used; i++) samples += sites[i].samples;
  for (uint64_t i = 0; i < header->regions[MP_REGION_LIVE].used; i++) left += live[i].address != 0;
  CHECK(samples == THREADS * ROUNDS && left == THREADS * ROUNDS / 4);
  CHECK(header->regions[MP_REGION_SITES].used == STACKS && header->live_bytes == left * 16);
  CHECK(header->counters[MP_ALLOC_SAMPLES] == THREADS * ROUNDS);
  /* 4 of 16 places a thread are used, since only each fourth round maps one; 3 of 4 pages of each stay. */
  CHECK(header->committed_bytes == THREADS * 4 * 3 * PAGE);
}

int main(void) {
  pthread_t threads[THREADS];
  harness_store();
  mp_modules_init();
  mp_mappings_listen(&(struct mp_mapping_listener){heard, heard});
  shared_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(shared_page != MAP_FAILED);
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  totals();
  tags();
  return checks_done();
}
