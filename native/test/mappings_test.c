/* The table of mappings against a model that knows every page. */
#include "../src/mappings.h"

#include <string.h>

#include "../src/store.h"
#include "check.h"
#include "harness.h"

#define PAGES 600
#define PAGE 4096ull
#define BASE 0x10000000ull

struct page {
  uint8_t mapped, committed;
  uint32_t site;
};
static struct page model[PAGES];
static int64_t event_bytes; /* commits minus decommits, as reported */

static void on_committed(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns) {
  (void)start, (void)site, (void)now_ns;
  event_bytes += (int64_t)bytes;
}
static void on_decommitted(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns) {
  (void)now_ns;
  for (uint64_t a = start; a < start + bytes; a += PAGE)
    CHECK(model[(a - BASE) / PAGE].site == site); /* told before the model forgets */
  event_bytes -= (int64_t)bytes;
}

static uint64_t at(uint64_t page) { return BASE + page * PAGE; }

static void compare(void) {
  const struct mp_region *region = &mp_store_header()->regions[MP_REGION_MAPPINGS];
  const struct mp_mapping *records = mp_store_region(MP_REGION_MAPPINGS);
  static struct page seen[PAGES];
  uint64_t committed = 0;
  memset(seen, 0, sizeof seen);
  for (uint64_t i = 0; i < region->used; i++) {
    const struct mp_mapping *m = &records[i];
    CHECK(m->sequence % 2 == 0);
    if (m->end == 0) continue;
    CHECK(m->start < m->end && (m->committed_bytes == 0 || m->committed_bytes == m->end - m->start));
    committed += m->committed_bytes;
    for (uint64_t a = m->start; a < m->end; a += PAGE) {
      struct page *page = &seen[(a - BASE) / PAGE];
      CHECK(!page->mapped); /* no overlap */
      *page = (struct page){1, m->committed_bytes != 0, m->site};
    }
  }
  for (int i = 0; i < PAGES; i++) {
    CHECK(seen[i].mapped == model[i].mapped && seen[i].committed == model[i].committed);
    if (model[i].mapped) CHECK(seen[i].site == model[i].site);
  }
  CHECK(mp_store_header()->committed_bytes == committed && event_bytes == (int64_t)committed);
}

static void step(uint64_t *state) {
  uint64_t first = harness_random(state) % (PAGES - 1), count = 1 + harness_random(state) % 40;
  uint32_t site = (uint32_t)(harness_random(state) % 3);
  int committed = harness_random(state) % 3 != 0;
  if (first + count > PAGES) count = PAGES - first;
  uint64_t end = first + count;
  switch (harness_random(state) % 4) {
    case 0:
      CHECK(mp_mappings_map(at(first), at(end), committed, site, 1));
      for (uint64_t i = first; i < end; i++) model[i] = (struct page){1, (uint8_t)committed, site};
      break;
    case 1:
      CHECK(mp_mappings_unmap(at(first), at(end), 1));
      for (uint64_t i = first; i < end; i++) model[i].mapped = model[i].committed = 0;
      break;
    case 2: {
      int changes = 0;
      for (uint64_t i = first; i < end; i++) changes |= model[i].mapped && model[i].committed != committed;
      CHECK(mp_mappings_would_change(at(first), at(end), committed).any == changes);
      CHECK(mp_mappings_protect(at(first), at(end), committed, site, 1));
      for (uint64_t i = first; i < end; i++) {
        if (!model[i].mapped || model[i].committed == committed) continue;
        model[i].committed = (uint8_t)committed;
        if (committed) model[i].site = site;
      }
      break;
    }
    default: { /* moved to a place that is free, or back */
      struct mp_moved_range moved;
      struct page pages[40];
      CHECK(mp_mappings_take(at(first), at(end), &moved));
      memcpy(pages, model + first, count * sizeof *pages);
      for (uint64_t i = first; i < end; i++) model[i].mapped = model[i].committed = 0;
      uint64_t target = harness_random(state) % (PAGES - count);
      for (uint64_t i = target; i < target + count; i++) {
        if (model[i].mapped) target = first;
      }
      CHECK(moved.count <= MP_MOVED_PIECES && mp_mappings_put(at(target), &moved));
      memcpy(model + target, pages, count * sizeof *pages);
    }
  }
}

int main(void) {
  static const struct mp_mapping_listener LISTENER = {on_committed, on_decommitted};
  uint64_t state = 20261125;
  harness_store();
  mp_mappings_listen(&LISTENER);
  for (int i = 0; i < 60000; i++) {
    step(&state);
    if (i % 7 == 0) compare();
  }

  /* Full: changes are refused, and what was there stays right. */
  CHECK(mp_mappings_unmap(BASE, at(PAGES), 1));
  uint64_t capacity = mp_store_header()->regions[MP_REGION_MAPPINGS].capacity;
  for (uint64_t i = 0; i < capacity; i++)
    CHECK(mp_mappings_map(0x20000000 + 2 * i * PAGE, 0x20000000 + (2 * i + 1) * PAGE, true, 1, 1));
  CHECK(!mp_mappings_map(BASE, BASE + PAGE, true, 1, 1));
  CHECK(mp_store_header()->committed_bytes == capacity * PAGE);
  return checks_done();
}
