/* Interning and the live table against plain models; then until everything is full. */
#include "../src/store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../src/live.h"
#include "../src/maths.h"
#include "../src/store_internal.h"
#include "../src/tags.h"
#include "check.h"
#include "harness.h"

static uint64_t counter(enum mp_counter which) { return mp_store_header()->counters[which]; }

static void strings(void) {
  char text[64];
  static uint32_t ids[20000];
  CHECK(mp_store_string("", 0) == 0);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 20000; i++) {
      int length = snprintf(text, sizeof text, "string %d of any length %.*s", i, i % 20, "xxxxxxxxxxxxxxxxxxxx");
      uint32_t id = mp_store_string(text, (size_t)length);
      CHECK(id != 0 && id % 4 == 0);
      if (round == 1) CHECK(id == ids[i]);
      ids[i] = id;
      const char *record = (const char *)mp_store_region(MP_REGION_STRINGS) + id;
      uint32_t stored;
      memcpy(&stored, record, 4);
      CHECK(stored == (uint32_t)length && memcmp(record + 4, text, stored) == 0);
    }
  }
}

static void functions(void) {
  for (int round = 0; round < 2; round++) {
    for (uint32_t i = 0; i < 5000; i++) {
      struct mp_function function = {
          .name = i % 100 * 4, .script = 4, .script_id = (int32_t)(i / 100), .start = -1, .end = -1};
      CHECK(mp_store_function(&function) == i);
    }
  }
}

static void stacks(void) {
  uint64_t frames[255], state = 1;
  for (int i = 0; i < 255; i++) frames[i] = harness_random(&state);
  uint32_t flags = 0, whole = mp_store_stack(frames, 255, &flags);
  CHECK(whole == 255 && flags == 0);
  CHECK(mp_store_stack(frames + 100, 155, &flags) == 155); /* the same callers */
  CHECK(mp_store_stack(frames, 255, &flags) == whole);
  frames[0]++;
  CHECK(mp_store_stack(frames, 255, &flags) == 256);
  const struct mp_node *nodes = mp_store_region(MP_REGION_NODES);
  CHECK(nodes[256].parent == 254 && nodes[256].depth == 255 && nodes[255].frame == frames[0] - 1);
  /* In a forked child: its store is a new one, and a stack that the parent remembered has no node there. */
  mp_sites_forget();
  CHECK(mp_store_stack(frames, 255, &flags) == 511);
  CHECK(mp_store_stack(frames, 255, &flags) == 511);
}

/* Frees and allocations at few addresses, against an array. */
static void live(void) {
  static uint64_t size_at[5000];
  uint64_t state = 7, count = 0, bytes = 0;
  for (int i = 0; i < 400000; i++) {
    uint64_t slot = harness_random(&state) % 5000;
    uintptr_t address = 0x7f0000000000 + slot * 48;
    struct mp_live removed;
    if (size_at[slot] && i % 11) {
      CHECK(mp_live_maybe((void *)address) && mp_live_remove(address, &removed));
      CHECK(removed.size_bytes == size_at[slot] && removed.site == size_at[slot] % 977);
      bytes -= 3 * size_at[slot];
      size_at[slot] = 0;
      count--;
      CHECK(!mp_live_remove(address, &removed));
    } else { /* every eleventh time over a record whose free was lost */
      count += size_at[slot] == 0;
      bytes -= 3 * size_at[slot];
      size_at[slot] = 1 + harness_random(&state) % 4096;
      bytes += 3 * size_at[slot];
      CHECK(mp_live_add(address, size_at[slot], 3.0 * (double)size_at[slot], 1, (uint32_t)(size_at[slot] % 977)));
    }
  }
  uint64_t used = mp_store_header()->regions[MP_REGION_LIVE].used, found = 0;
  const struct mp_live *records = mp_store_region(MP_REGION_LIVE);
  for (uint64_t i = 0; i < used; i++) {
    CHECK(records[i].sequence % 2 == 0);
    if (records[i].address == 0) continue;
    CHECK(size_at[(records[i].address - 0x7f0000000000) / 48] == records[i].size_bytes);
    found++;
  }
  CHECK(found == count && used <= 5000 && mp_store_header()->live_bytes == bytes);
}

/* Of blocks that are not sampled, the share that the filter lets through to the index. */
static double false_alarms(uintptr_t base, uintptr_t step) {
  int alarms = 0;
  for (uintptr_t i = 0; i < 200000; i++) alarms += mp_live_maybe((void *)(base + i * step));
  return alarms / 200000.0;
}

/* With very many live samples, and blocks that lie as allocators like to lay them. */
static void filter(void) {
  static const uintptr_t STEPS[] = {32, 48, 4096, 65536, 2 << 20};
  enum { COUNT = 100000 };
  struct mp_live removed;
  for (size_t s = 0; s < sizeof STEPS / sizeof *STEPS; s++) {
    uintptr_t base = 0x7e0000000010, others = base + STEPS[s] * COUNT;
    for (uintptr_t i = 0; i < COUNT; i++) CHECK(mp_live_add(base + i * STEPS[s], 1, 1, 1, 0));
    for (uintptr_t i = 0; i < COUNT; i++) CHECK(mp_live_maybe((void *)(base + i * STEPS[s])));
    double alarms = false_alarms(others, STEPS[s]);
    if (alarms > 0.1) fprintf(stderr, "step %zu: %.3f false alarms\n", (size_t)STEPS[s], alarms);
    CHECK(alarms <= 0.1);
    for (uintptr_t i = 0; i < COUNT; i++) CHECK(mp_live_remove(base + i * STEPS[s], &removed));
    CHECK(false_alarms(others, STEPS[s]) <= 0.06); /* what growth left behind */
  }
}

static void *own_addresses(void *argument) {
  uintptr_t base = 0x500000000000 + ((uintptr_t)argument << 32);
  struct mp_live removed;
  for (int i = 0; i < 50000; i++) {
    uintptr_t address = base + (uintptr_t)(i % 3000) * 16;
    if (i >= 3000) CHECK(mp_live_remove(address, &removed) && removed.address == address);
    CHECK(mp_live_add(address, 100, 100, 1, 0));
  }
  return NULL;
}

static void threads(void) {
  pthread_t ids[4];
  for (uintptr_t i = 0; i < 4; i++) pthread_create(&ids[i], NULL, own_addresses, (void *)i);
  for (int i = 0; i < 4; i++) pthread_join(ids[i], NULL);
}

/* Sites without end: first the thread goes, then the arena, then the stack's leaf and the pool, and nothing is lost as long as a
 * caller has a site. */
static void overflow(void) {
  struct mp_header *header = mp_store_header();
  uint32_t flags = 0;
  uint64_t capacity = header->regions[MP_REGION_SITES].capacity;
  uint64_t frames[2] = {0, 0x1000};
  uint32_t pool = mp_tag_pool("kv-cache", 8, 0), arena = mp_tag_arena(pool);
  for (uint64_t i = 0; i < capacity + 1000; i++) {
    frames[0] = 0x2000 + i;
    struct mp_site_key key = {.heap = MP_HEAP_MALLOC, .tid = 77, .tag = arena, .tag_source = MP_TAG_SOURCE_C};
    if (i == 0) { /* the caller has a site of its own, without context */
      key.tag = key.tag_source = 0;
      key.node = mp_store_stack(frames + 1, 1, &flags);
      key.tid = 0;
      key.flags = MP_SITE_STACK_TRUNCATED;
      CHECK(mp_store_site(&key) != MP_NONE);
      key.tid = 77;
      key.flags = 0;
      key.tag = arena;
      key.tag_source = MP_TAG_SOURCE_C;
    }
    key.node = mp_store_stack(frames, 2, &flags);
    CHECK(mp_store_site(&key) != MP_NONE);
  }
  CHECK(flags == 0 && header->regions[MP_REGION_SITES].used == capacity);
  const struct mp_site *sites = mp_store_region(MP_REGION_SITES);
  CHECK(sites[10].tid == 77 && sites[capacity - 1].tid == 0);
  CHECK(sites[10].tag == arena && sites[capacity / 4 * 3 - 10].tag == arena && sites[capacity - 1].tag == pool);

  uint64_t nodes = header->regions[MP_REGION_NODES].capacity;
  for (uint64_t i = 0; i < nodes; i++) {
    frames[0] = 0x900000000 + i;
    CHECK(mp_store_stack(frames, 2, &flags) != 0);
  }
  CHECK(flags == MP_SITE_STACK_TRUNCATED && header->regions[MP_REGION_NODES].used == nodes);

  uint64_t slots = header->regions[MP_REGION_LIVE].capacity;
  for (uint64_t i = 0; i < slots + 10; i++) mp_live_add(0x100000 + i * 16, 1, 1, 1, 0);
  CHECK(counter(MP_DROPPED_LIVE) > 0 && header->regions[MP_REGION_LIVE].used == slots);

  for (uint64_t i = 0; i < header->regions[MP_REGION_RING].capacity * 2 + 5; i++)
    mp_store_event(&(struct mp_event){.size_bytes = i});
  uint64_t events = header->regions[MP_REGION_RING].used, ring = header->regions[MP_REGION_RING].capacity;
  const struct mp_event *newest = (const struct mp_event *)mp_store_region(MP_REGION_RING) + (events - 1) % ring;
  CHECK(events == ring * 2 + 5 && newest->ticket == events && newest->size_bytes == events - 1);
}

int main(void) {
  harness_store();
  strings();
  functions();
  stacks();
  live();
  filter();
  threads();
  overflow();
  mp_site_add(3, 2.5, 100, 1, 10);
  const struct mp_site *site = (const struct mp_site *)mp_store_region(MP_REGION_SITES) + 3;
  CHECK(mp_double_of_bits(site->alloc_objects_f64) == 2.5 && mp_double_of_bits(site->alloc_bytes_variance_f64) == 10 &&
        site->samples == 1);
  return checks_done();
}
