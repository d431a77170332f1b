/* Pools, arenas, stages, labels and contexts; names that are none; a forked child's table; then until the table is full. */
#include "../src/tags.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/carrier.h"
#include "../src/memory.h"
#include "../src/store_internal.h"
#include "../src/tag_name.h"
#include "check.h"
#include "harness.h"

static const struct mp_tag *record(uint32_t tag) { return (const struct mp_tag *)mp_store_region(MP_REGION_TAGS) + tag; }

static uint32_t pool_of(const char *name) { return mp_tag_pool(name, strlen(name), 0); }
static uint32_t stage_of(const char *name) { return mp_tag_stage(name, strlen(name)); }
static uint32_t labels_of(const char *text) { return mp_tag_labels(text, strlen(text)); }

static bool name_is(uint32_t tag, const char *name) {
  uint32_t length;
  const char *string = (const char *)mp_store_region(MP_REGION_STRINGS) + record(tag)->name;
  memcpy(&length, string, 4);
  return length == strlen(name) && memcmp(string + 4, name, length) == 0;
}

static void kinds(void) {
  uint32_t pool = mp_tag_pool("kv-cache", 8, 1009);
  CHECK(pool == 1 && pool_of("kv-cache") == pool && record(pool)->budget_bytes == 1009); /* 0: as it was */
  uint32_t first = mp_tag_arena(pool), second = mp_tag_arena(pool), other = mp_tag_arena(pool_of("weights"));
  CHECK(record(first)->ordinal == 1 && record(second)->ordinal == 2 && record(other)->ordinal == 1);
  CHECK(first != second && record(second)->parent == pool && record(pool)->ordinal == 2);
  CHECK(stage_of("prefill") == stage_of("prefill") && stage_of("prefill") != stage_of("decode"));
  CHECK(mp_tag_kind(stage_of("kv-cache")) == MP_TAG_STAGE && stage_of("kv-cache") != pool); /* one name, two things */
  CHECK(mp_tag_arena(stage_of("prefill")) == 0 && mp_tag_arena(0) == 0 && mp_tag_arena(4000000000u) == 0);
  CHECK(mp_tag_kind(0) == 0 && mp_tag_kind(4000000000u) == 0);
}

static void contexts(void) {
  uint32_t pool = pool_of("kv-cache"), arena = mp_tag_arena(pool), stage = stage_of("prefill"), labels = labels_of("tenant=acme");
  uint32_t all = mp_tag_context(arena, stage, labels);
  CHECK(mp_tag_kind(all) == MP_TAG_CONTEXT && mp_tag_context(arena, stage, labels) == all);
  CHECK(mp_tag_context(arena, 0, 0) == arena && mp_tag_context(0, stage, 0) == stage && mp_tag_context(0, 0, 0) == 0);
  CHECK(mp_tag_context(stage, arena, labels) == labels); /* of the wrong kind: none */
  /* Inner things replace outer ones of their kind. */
  CHECK(mp_tag_inside(mp_tag_context(arena, stage, 0), labels) == all);
  uint32_t decode = mp_tag_inside(all, stage_of("decode"));
  CHECK(record(decode)->parent == arena && record(decode)->stage == stage_of("decode") && record(decode)->labels == labels);
  CHECK(mp_tag_inside(0, arena) == arena && mp_tag_inside(all, 0) == all && mp_tag_inside(all, all) == all);
  CHECK(mp_tag_has_arena(all) && mp_tag_has_arena(pool) && !mp_tag_has_arena(stage) && !mp_tag_has_arena(99999));
  uint64_t used = mp_store_used(MP_REGION_TAGS);
  for (int depth = 0; depth < 1000; depth++) all = mp_tag_inside(all, depth % 2 ? stage : stage_of("decode"));
  CHECK(mp_store_used(MP_REGION_TAGS) == used && all == mp_tag_context(arena, stage, labels));
  uint32_t coarse = mp_tag_context_of_pool(all);
  CHECK(record(coarse)->parent == pool && record(coarse)->stage == stage && mp_tag_context_of_pool(coarse) == coarse);
  CHECK(mp_tag_context_of_pool(arena) == pool && mp_tag_context_of_pool(stage) == stage);
}

static void releases(void) {
  uint32_t arena = mp_tag_arena(pool_of("kv-cache"));
  CHECK(!mp_tag_is_released(arena));
  mp_tag_release(arena);
  CHECK(mp_tag_is_released(arena) && record(arena)->counters[MP_TAG_DOUBLE_RELEASES] == 0);
  uint64_t released_ns = record(arena)->released_ns;
  mp_tag_release(arena);
  CHECK(record(arena)->counters[MP_TAG_DOUBLE_RELEASES] == 1 && record(arena)->released_ns == released_ns);
  mp_tag_release(pool_of("kv-cache")); /* pools have no end */
  mp_tag_count(arena, MP_TAG_HITS, 3);
  mp_tag_count(arena, (enum mp_tag_counter)77, 3);
  mp_tag_count(123456789, MP_TAG_HITS, 3);
  CHECK(record(arena)->counters[MP_TAG_HITS] == 3 && record(pool_of("kv-cache"))->released_ns == 0);
}

static void names(void) {
  char out[128], z[300];
  static const struct { const char *in, *out; } CASES[] = {
      {"kv-cache", "kv-cache"}, {"", "(unnamed)"}, {"  ", "(unnamed)"}, {" a b ", "a b"}, {"a\nb", "a_b"}, {"\x1b[31m", "_[31m"},
      {"caf\xc3\xa9", "caf\xc3\xa9"}, {"\xc2\x85x", "_x"}, {"\xff", "_"}, {"\xe2\x82", "__"}, {"\xe2\x80\xa8", "_"},
      {"\xed\xa0\x80!", "___!"}, {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"\xc0\xaf", "__"}};
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    size_t length = mp_tag_clean_name(out, sizeof out, CASES[i].in, strlen(CASES[i].in));
    CHECK(length == strlen(CASES[i].out) && memcmp(out, CASES[i].out, length) == 0);
  }
  memset(z, 'z', sizeof z);
  CHECK(mp_tag_clean_name(out, 128, z, sizeof z) == 128);
  memcpy(z + 127, "\xc3\xa9", 2); /* the cut never goes through a character */
  CHECK(mp_tag_clean_name(out, 128, z, sizeof z) == 127);
  CHECK(name_is(pool_of("a\tb"), "a_b") && pool_of("a\tb") == pool_of("a\rb"));
}

static uint32_t carried;
uint32_t mp_carrier_current(uint8_t *source) {
  *source = MP_TAG_SOURCE_CPED;
  return carried;
}

static void here(void) {
  uint8_t source = 77;
  uint32_t arena = mp_tag_arena(pool_of("kv-cache")), stage = stage_of("prefill"), weights = pool_of("weights");
  CHECK(mp_tag_here(&source) == 0 && source == MP_TAG_SOURCE_NONE);
  carried = mp_tag_context(arena, stage, 0);
  CHECK(mp_tag_here(&source) == carried && source == MP_TAG_SOURCE_CPED);
  mp_tag_words.pool_thread = weights;
  CHECK(mp_tag_here(&source) == weights && source == MP_TAG_SOURCE_POOL_THREAD);
  mp_tag_words.leaf = arena;
  CHECK(mp_tag_here(&source) == arena && source == MP_TAG_SOURCE_LEAF);
  mp_tag_words.leaf = mp_tag_words.pool_thread = mp_tag_heap("slab", 4); /* no context */
  CHECK(mp_tag_here(&source) == carried && source == MP_TAG_SOURCE_CPED);
  mp_tag_words.leaf = mp_tag_words.pool_thread = 0xffffffff;
  /* A native library inside a stage of JavaScript's: its arena, that stage. */
  mp_tag_words.c = weights;
  CHECK(mp_tag_here(&source) == mp_tag_context(weights, stage, 0) && source == MP_TAG_SOURCE_C);
  /* A native stage inside an arena of JavaScript's: who told the arena counts. */
  mp_tag_words.c = stage_of("decode");
  CHECK(mp_tag_here(&source) == mp_tag_context(arena, stage_of("decode"), 0) && source == MP_TAG_SOURCE_CPED);
  carried = 0;
  CHECK(mp_tag_here(&source) == stage_of("decode") && source == MP_TAG_SOURCE_C);
  mp_tag_words = (struct mp_tag_words){0, 0, 0};
}

/* What a child does after fork: the numbers that the program holds, and the names behind them, mean what they meant. */
static void forked(void) {
  char directory[] = "/tmp/memprof-tags-XXXXXX", path[64];
  static struct mp_control control = {.mean_bytes = 1};
  uint32_t pool = pool_of("kv-cache"), arena = mp_tag_arena(pool), context = mp_tag_context(arena, stage_of("prefill"), 0);
  mp_tag_count(arena, MP_TAG_MISSES, 5);
  mp_tag_release(arena);
  uint64_t used = mp_store_used(MP_REGION_TAGS), strings = mp_store_used(MP_REGION_STRINGS);
  uint32_t ordinal = record(pool)->ordinal;
  CHECK(mkdtemp(directory) != NULL);
  mp_store_forget();
  mp_memory_forget();
  CHECK(mp_store_create(directory, &control, true));
  mp_store_publish();
  CHECK(mp_store_header()->regions[MP_REGION_TAGS].used == used && mp_store_header()->regions[MP_REGION_STRINGS].used == strings);
  CHECK(pool_of("kv-cache") == pool && name_is(pool, "kv-cache") && mp_tag_is_released(arena));
  CHECK(mp_tag_context(arena, stage_of("prefill"), 0) == context && mp_store_used(MP_REGION_TAGS) == used);
  CHECK(record(arena)->counters[MP_TAG_MISSES] == 0);
  CHECK(record(mp_tag_arena(pool))->ordinal == ordinal + 1);
  uint64_t before = mp_store_used(MP_REGION_STRINGS);
  CHECK(pool_of("weights") != 0 && mp_store_used(MP_REGION_STRINGS) == before); /* found, not added once more */
  snprintf(path, sizeof path, "%s/%d.0.store", directory, getpid());
  CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

static void full(void) {
  uint32_t pool = pool_of("requests"), stage = stage_of("prefill"), last = 0;
  uint64_t capacity = mp_store_capacity(MP_REGION_TAGS), made = 0, folded = 0;
  for (int i = 0; i < 1000000; i++) {
    uint32_t arena = mp_tag_arena(pool);
    if (arena) last = arena, made++;
    else folded++;
  }
  CHECK(made > capacity / 8 * 7 - 100 && folded == 1000000 - made && record(pool)->folded == folded);
  CHECK(mp_tag_ordinal(pool) == 1000000 && mp_tag_ordinal(last) == made && mp_tag_ordinal(stage) == 0);
  uint32_t coarse = mp_tag_context(pool, stage, 0); /* there is room for contexts still */
  CHECK(mp_tag_kind(coarse) == MP_TAG_CONTEXT);
  char text[32];
  while (labels_of((snprintf(text, sizeof text, "n=%lu", (unsigned long)mp_store_used(MP_REGION_TAGS)), text)) != 0)
    continue;
  CHECK(mp_store_used(MP_REGION_TAGS) == capacity);
  CHECK(mp_tag_context(last, stage, 0) == last && mp_tag_context_of_pool(last) == pool && mp_tag_context(pool, stage, 0) == coarse);
  CHECK(mp_store_header()->counters[MP_DROPPED_TAGS] == 2); /* the labels, and the context of the last arena */
  CHECK(pool_of("one more") == 0 && stage_of("one more") == 0 && pool_of("requests") == pool);
}

int main(void) {
  harness_store();
  kinds();
  contexts();
  releases();
  names();
  here();
  forked();
  full();
  return checks_done();
}
