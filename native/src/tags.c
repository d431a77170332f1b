/* The table of tags: each thing that the program names is kept once, found by content. */
#include "tags.h"

#include "clock.h"
#include "index.h"
#include "store_internal.h"
#include "tag_name.h"

static struct mp_index tags;

void mp_tags_forget(void) { mp_index_clear(&tags); }

static struct mp_tag *tag_at(uint32_t tag) { return (struct mp_tag *)mp_store.base[MP_REGION_TAGS] + tag; }

/* What a tag is found by. Arenas are not: each is a new one. */
struct key {
  uint32_t kind, name, parent, stage, labels;
};

static bool equal(uint32_t tag, const void *wanted) {
  const struct key *key = wanted;
  const struct mp_tag *record = tag_at(tag);
  return record->kind == key->kind && record->name == key->name && record->parent == key->parent &&
         record->stage == key->stage && record->labels == key->labels;
}

static uint64_t key_hash(const struct key *key) {
  uint64_t hash = mp_hash_u64(((uint64_t)key->kind << 32 | key->name) + 1);
  return mp_hash_u64(mp_hash_u64(hash ^ ((uint64_t)key->parent << 32 | key->stage)) ^ key->labels);
}

static uint64_t hash(uint32_t tag) {
  const struct mp_tag *record = tag_at(tag);
  return key_hash(&(struct key){record->kind, record->name, record->parent, record->stage, record->labels});
}

uint32_t mp_tag_kind(uint32_t tag) {
  if (tag == 0 || !mp_store_header() || tag >= mp_store_used(MP_REGION_TAGS)) return 0;
  return tag_at(tag)->kind;
}

/* --- under the lock --- */

static uint32_t add(const struct mp_tag *record) {
  uint32_t start = mp_store_used(MP_REGION_TAGS) == 0; /* record 0 is none */
  uint32_t tag = mp_room_for(MP_REGION_TAGS, start + 1);
  if (tag == MP_NONE) return 0;
  tag += start;
  *tag_at(tag) = *record;
  mp_publish(MP_REGION_TAGS, start + 1);
  return tag;
}

static uint32_t find(const struct key *key) {
  uint32_t tag = mp_index_find(&tags, key_hash(key), equal, key);
  return tag == MP_NONE ? 0 : tag;
}

static uint32_t find_or_add(const struct key *key) {
  uint32_t tag = find(key);
  if (tag != 0 || !mp_index_reserve(&tags, hash)) return tag;
  tag = add(&(struct mp_tag){.kind = key->kind,
                             .name = key->name,
                             .parent = key->parent,
                             .stage = key->stage,
                             .labels = key->labels,
                             .created_ns = mp_now_ns()});
  if (tag != 0) mp_index_insert(&tags, key_hash(key), tag);
  return tag;
}

/* In a forked child, whose table is a copy of its parent's: the same tags mean the same things, but what was counted before
 * is the parent's. */
void mp_tags_inherit(void) {
  for (uint32_t tag = 1; tag < mp_store_used(MP_REGION_TAGS); tag++) {
    struct mp_tag *record = tag_at(tag);
    for (int i = 0; i < MP_TAG_COUNTER_COUNT; i++) record->counters[i] = 0;
    record->folded = 0;
    if (record->kind == 0 || record->kind == MP_TAG_ARENA || !mp_index_reserve(&tags, hash)) continue;
    mp_index_insert(&tags, hash(tag), tag);
  }
}

/* --- names --- */

static uint32_t intern(const struct key *key) {
  if (!mp_store_header()) return 0;
  uint32_t tag = find(key);
  if (tag != 0 || !mp_lock_acquire(&mp_store.intern_lock)) return tag;
  tag = find_or_add(key);
  mp_lock_release(&mp_store.intern_lock);
  if (tag == 0) mp_count(MP_DROPPED_TAGS, 1);
  return tag;
}

static uint32_t named(enum mp_tag_kind kind, size_t limit, const char *utf8, size_t bytes) {
  char name[MP_TAG_LABELS_BYTES];
  uint32_t id = mp_store_string(name, mp_tag_clean_name(name, limit, utf8, bytes));
  return id == 0 ? 0 : intern(&(struct key){.kind = kind, .name = id}); /* no room for the name: none for it either */
}

uint32_t mp_tag_stage(const char *utf8, size_t bytes) { return named(MP_TAG_STAGE, MP_TAG_NAME_BYTES, utf8, bytes); }

uint32_t mp_tag_labels(const char *utf8, size_t bytes) {
  return bytes == 0 ? 0 : named(MP_TAG_LABELS, MP_TAG_LABELS_BYTES, utf8, bytes);
}

uint32_t mp_tag_heap(const char *utf8, size_t bytes) { return named(MP_TAG_HEAP, MP_TAG_NAME_BYTES, utf8, bytes); }

uint32_t mp_tag_pool(const char *utf8, size_t bytes, uint64_t budget_bytes) {
  uint32_t pool = named(MP_TAG_POOL, MP_TAG_NAME_BYTES, utf8, bytes);
  if (pool != 0 && budget_bytes != 0) __atomic_store_n(&tag_at(pool)->budget_bytes, budget_bytes, __ATOMIC_RELAXED);
  return pool;
}

/* --- arenas --- */

/* The last eighth of the table is for pools, stages, labels and contexts. */
static bool room_for_arenas(void) {
  return mp_store_used(MP_REGION_TAGS) < mp_store_capacity(MP_REGION_TAGS) / 8 * 7;
}

uint32_t mp_tag_arena(uint32_t pool) {
  if (mp_tag_kind(pool) != MP_TAG_POOL) return 0;
  uint32_t arena = 0, ordinal = __atomic_add_fetch(&tag_at(pool)->ordinal, 1, __ATOMIC_RELAXED);
  if (room_for_arenas() && mp_lock_acquire(&mp_store.intern_lock)) {
    arena = add(&(struct mp_tag){.kind = MP_TAG_ARENA, .parent = pool, .ordinal = ordinal, .created_ns = mp_now_ns()});
    mp_lock_release(&mp_store.intern_lock);
  }
  if (arena == 0) __atomic_fetch_add(&tag_at(pool)->folded, 1, __ATOMIC_RELAXED);
  return arena;
}

void mp_tag_count(uint32_t tag, enum mp_tag_counter counter, uint64_t by) {
  if (mp_tag_kind(tag) != 0 && (unsigned)counter < MP_TAG_COUNTER_COUNT)
    __atomic_fetch_add(&tag_at(tag)->counters[counter], by, __ATOMIC_RELAXED);
}

void mp_tag_release(uint32_t arena) {
  if (mp_tag_kind(arena) != MP_TAG_ARENA) return;
  uint64_t alive = 0;
  if (!__atomic_compare_exchange_n(&tag_at(arena)->released_ns, &alive, mp_now_ns(), false, __ATOMIC_RELAXED,
                                   __ATOMIC_RELAXED))
    mp_tag_count(arena, MP_TAG_DOUBLE_RELEASES, 1);
}

uint32_t mp_tag_ordinal(uint32_t tag) {
  uint32_t kind = mp_tag_kind(tag);
  return kind == MP_TAG_POOL || kind == MP_TAG_ARENA ? __atomic_load_n(&tag_at(tag)->ordinal, __ATOMIC_RELAXED) : 0;
}

bool mp_tag_is_released(uint32_t arena) {
  return mp_tag_kind(arena) == MP_TAG_ARENA && __atomic_load_n(&tag_at(arena)->released_ns, __ATOMIC_RELAXED) != 0;
}

/* --- contexts --- */

struct parts {
  uint32_t arena, stage, labels;
};

static struct parts parts_of(uint32_t tag) {
  struct parts parts = {0, 0, 0};
  switch (mp_tag_kind(tag)) {
    case MP_TAG_POOL:
    case MP_TAG_ARENA: parts.arena = tag; break;
    case MP_TAG_STAGE: parts.stage = tag; break;
    case MP_TAG_LABELS: parts.labels = tag; break;
    case MP_TAG_CONTEXT: parts = (struct parts){tag_at(tag)->parent, tag_at(tag)->stage, tag_at(tag)->labels}; break;
    default: break;
  }
  return parts;
}

bool mp_tag_has_arena(uint32_t tag) { return parts_of(tag).arena != 0; }

static struct key context_key(struct parts parts) {
  return (struct key){.kind = MP_TAG_CONTEXT, .parent = parts.arena, .stage = parts.stage, .labels = parts.labels};
}

/* A context of one thing is that thing. */
static bool is_one(struct parts parts) { return (parts.arena != 0) + (parts.stage != 0) + (parts.labels != 0) <= 1; }

static uint32_t nearest(struct parts parts) { return parts.arena ? parts.arena : parts.stage ? parts.stage : parts.labels; }

static uint32_t context_of(struct parts parts) {
  if (is_one(parts)) return nearest(parts);
  struct key key = context_key(parts);
  uint32_t tag = intern(&key);
  return tag ? tag : nearest(parts);
}

uint32_t mp_tag_context(uint32_t arena_or_pool, uint32_t stage, uint32_t labels) {
  uint32_t kind = mp_tag_kind(arena_or_pool);
  return context_of((struct parts){.arena = kind == MP_TAG_POOL || kind == MP_TAG_ARENA ? arena_or_pool : 0,
                                   .stage = mp_tag_kind(stage) == MP_TAG_STAGE ? stage : 0,
                                   .labels = mp_tag_kind(labels) == MP_TAG_LABELS ? labels : 0});
}

uint32_t mp_tag_inside(uint32_t outer, uint32_t tag) {
  struct parts around = parts_of(outer), inner = parts_of(tag);
  if (inner.arena) around.arena = inner.arena;
  if (inner.stage) around.stage = inner.stage;
  if (inner.labels) around.labels = inner.labels;
  return context_of(around);
}

uint32_t mp_tag_context_of_pool(uint32_t tag) {
  struct parts parts = parts_of(tag);
  if (mp_tag_kind(parts.arena) != MP_TAG_ARENA) return tag;
  parts.arena = tag_at(parts.arena)->parent;
  if (is_one(parts)) return nearest(parts);
  struct key key = context_key(parts);
  uint32_t found = find_or_add(&key);
  return found ? found : nearest(parts);
}
