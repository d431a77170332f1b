/* Strings, functions, modules, stacks and sites: each kept once, found by content. */
#include <string.h>

#include "index.h"
#include "maths.h"
#include "store_internal.h"

static struct mp_lock lock; /* one for all five: additions are rare */
static struct mp_index strings, functions, nodes, sites;

void mp_intern_forget(void) {
  mp_lock_release(&lock);
  mp_index_clear(&strings);
  mp_index_clear(&functions);
  mp_index_clear(&nodes);
  mp_index_clear(&sites);
}

static uint64_t hash_bytes(const void *data, size_t bytes) {
  const unsigned char *p = data;
  uint64_t hash = bytes;
  for (; bytes >= 8; p += 8, bytes -= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    hash = mp_hash_u64(hash ^ word);
  }
  uint64_t tail = 0;
  memcpy(&tail, p, bytes);
  return mp_hash_u64(hash ^ tail ^ 0x9e3779b97f4a7c15ull);
}

static struct mp_region *region_of(enum mp_region_id id) { return &mp_store.header->regions[id]; }

/* Under the lock: room for `count` more records; where they start, or MP_NONE. */
static uint32_t room_for(enum mp_region_id id, uint64_t count) {
  struct mp_region *region = region_of(id);
  if (region->used + count > region->capacity) return MP_NONE;
  return mp_store_reserve(id, (region->used + count) * region->record_bytes) ? (uint32_t)region->used : MP_NONE;
}

static void publish(enum mp_region_id id, uint64_t count) {
  struct mp_region *region = region_of(id);
  __atomic_store_n(&region->used, region->used + count, __ATOMIC_RELEASE);
}

/* --- strings --- */

struct text {
  const char *bytes;
  uint32_t length;
};

static bool string_equal(uint32_t id, const void *wanted) {
  const struct text *text = wanted;
  uint32_t length;
  memcpy(&length, mp_store.base[MP_REGION_STRINGS] + id, sizeof length);
  return length == text->length && memcmp(mp_store.base[MP_REGION_STRINGS] + id + 4, text->bytes, length) == 0;
}

static uint64_t string_hash(uint32_t id) {
  uint32_t length;
  memcpy(&length, mp_store.base[MP_REGION_STRINGS] + id, sizeof length);
  return hash_bytes(mp_store.base[MP_REGION_STRINGS] + id + 4, length);
}

static uint32_t add_string(const struct text *text, uint64_t hash) {
  /* The empty string comes first, so that no other has id 0. */
  uint32_t start = region_of(MP_REGION_STRINGS)->used == 0 ? 4 : 0;
  uint32_t padded = (4 + text->length + 3) & ~3u;
  uint32_t id = room_for(MP_REGION_STRINGS, start + padded);
  if (id == MP_NONE || !mp_index_reserve(&strings, string_hash)) return 0;
  char *record = mp_store.base[MP_REGION_STRINGS] + id + start;
  memcpy(record, &text->length, 4);
  memcpy(record + 4, text->bytes, text->length);
  publish(MP_REGION_STRINGS, start + padded);
  mp_index_insert(&strings, hash, id + start);
  return id + start;
}

uint32_t mp_store_string(const char *utf8, size_t bytes) {
  if (bytes == 0 || bytes > 65535 || !mp_store_header()) return 0;
  struct text text = {utf8, (uint32_t)bytes};
  uint64_t hash = hash_bytes(utf8, bytes);
  uint32_t id = mp_index_find(&strings, hash, string_equal, &text);
  if (id != MP_NONE) return id;
  if (!mp_lock_acquire(&lock)) return 0;
  id = mp_index_find(&strings, hash, string_equal, &text);
  if (id == MP_NONE) id = add_string(&text, hash);
  mp_lock_release(&lock);
  return id;
}

/* --- functions --- */

static struct mp_function *function_at(uint32_t index) {
  return (struct mp_function *)mp_store.base[MP_REGION_FUNCTIONS] + index;
}

static bool function_equal(uint32_t index, const void *wanted) {
  return memcmp(function_at(index), wanted, sizeof(struct mp_function)) == 0;
}

static uint64_t function_hash(uint32_t index) { return hash_bytes(function_at(index), sizeof(struct mp_function)); }

uint32_t mp_store_function(const struct mp_function *function) {
  if (!mp_store_header()) return MP_NONE;
  uint64_t hash = hash_bytes(function, sizeof *function);
  uint32_t index = mp_index_find(&functions, hash, function_equal, function);
  if (index != MP_NONE || !mp_lock_acquire(&lock)) return index;
  index = mp_index_find(&functions, hash, function_equal, function);
  if (index == MP_NONE && mp_index_reserve(&functions, function_hash)) {
    index = room_for(MP_REGION_FUNCTIONS, 1);
    if (index != MP_NONE) {
      *function_at(index) = *function;
      publish(MP_REGION_FUNCTIONS, 1);
      mp_index_insert(&functions, hash, index);
    }
  }
  mp_lock_release(&lock);
  return index;
}

/* --- modules --- */

static bool same_module(const struct mp_module *a, const struct mp_module *b) {
  return a->start == b->start && a->end == b->end && a->bias == b->bias && a->path == b->path &&
         memcmp(a->build_id, b->build_id, sizeof a->build_id) == 0;
}

uint32_t mp_store_module(const struct mp_module *module) {
  if (!mp_store_header() || !mp_lock_acquire(&lock)) return MP_NONE;
  struct mp_module *records = mp_store_region(MP_REGION_MODULES);
  uint32_t index = MP_NONE;
  /* From the newest back: an older record that overlaps is of a module that is gone, and so is all that came before it.
   */
  for (uint64_t i = region_of(MP_REGION_MODULES)->used; i-- > 0 && index == MP_NONE;) {
    if (same_module(&records[i], module)) index = (uint32_t)i;
    if (records[i].start < module->end && module->start < records[i].end) break;
  }
  if (index == MP_NONE) {
    index = room_for(MP_REGION_MODULES, 1);
    if (index != MP_NONE) {
      records[index] = *module;
      publish(MP_REGION_MODULES, 1);
    }
  }
  mp_lock_release(&lock);
  return index;
}

/* --- stacks --- */

struct child {
  uint64_t frame;
  uint32_t parent;
};

static struct mp_node *node_at(uint32_t index) { return (struct mp_node *)mp_store.base[MP_REGION_NODES] + index; }

static bool node_equal(uint32_t index, const void *wanted) {
  const struct child *child = wanted;
  return node_at(index)->frame == child->frame && node_at(index)->parent == child->parent;
}

static uint64_t child_hash(uint64_t frame, uint32_t parent) { return mp_hash_u64(frame ^ mp_hash_u64(parent + 1ull)); }

static uint64_t node_hash(uint32_t index) { return child_hash(node_at(index)->frame, node_at(index)->parent); }

static uint32_t add_node(const struct child *child, uint64_t hash) {
  uint32_t start = region_of(MP_REGION_NODES)->used == 0; /* the root */
  uint32_t index = room_for(MP_REGION_NODES, start + 1);
  if (index == MP_NONE || !mp_index_reserve(&nodes, node_hash)) return MP_NONE;
  index += start;
  *node_at(index) = (struct mp_node){
      .frame = child->frame, .parent = child->parent, .depth = child->parent ? node_at(child->parent)->depth + 1 : 1};
  publish(MP_REGION_NODES, start + 1);
  mp_index_insert(&nodes, hash, index);
  return index;
}

uint32_t mp_store_stack(const uint64_t *frames, int count, uint32_t *flags) {
  uint32_t node = 0;
  bool locked = false;
  for (int i = count; i-- > 0;) {
    struct child child = {frames[i], node};
    uint64_t hash = child_hash(child.frame, child.parent);
    uint32_t next = mp_index_find(&nodes, hash, node_equal, &child);
    if (next == MP_NONE && !locked) {
      locked = mp_lock_acquire(&lock);
      if (locked) next = mp_index_find(&nodes, hash, node_equal, &child);
    }
    if (next == MP_NONE && locked) next = add_node(&child, hash);
    if (next == MP_NONE) {
      *flags |= MP_SITE_STACK_TRUNCATED;
      break;
    }
    node = next;
  }
  if (locked) mp_lock_release(&lock);
  return node;
}

/* --- sites --- */

static struct mp_site *site_at(uint32_t index) { return (struct mp_site *)mp_store.base[MP_REGION_SITES] + index; }

static bool site_equal(uint32_t index, const void *wanted) {
  const struct mp_site_key *key = wanted;
  const struct mp_site *site = site_at(index);
  return site->node == key->node && site->heap == key->heap && site->arena == key->arena && site->tid == key->tid &&
         site->flags == key->flags;
}

static uint64_t key_hash(const struct mp_site_key *key) {
  uint64_t hash = mp_hash_u64(((uint64_t)key->node << 32 | key->tid) + 1);
  return mp_hash_u64(hash ^ key->arena ^ ((uint64_t)key->heap << 32 | key->flags));
}

static uint64_t site_hash(uint32_t index) {
  const struct mp_site *site = site_at(index);
  return key_hash(&(struct mp_site_key){site->node, site->heap, site->arena, site->tid, site->flags});
}

static uint32_t find_or_add_site(const struct mp_site_key *key) {
  uint64_t hash = key_hash(key);
  uint32_t index = mp_index_find(&sites, hash, site_equal, key);
  if (index != MP_NONE || !mp_index_reserve(&sites, site_hash)) return index;
  index = room_for(MP_REGION_SITES, 1);
  if (index == MP_NONE) return MP_NONE;
  *site_at(index) =
      (struct mp_site){.node = key->node, .heap = key->heap, .arena = key->arena, .tid = key->tid, .flags = key->flags};
  publish(MP_REGION_SITES, 1);
  mp_index_insert(&sites, hash, index);
  return index;
}

uint32_t mp_store_site(const struct mp_site_key *key) {
  if (!mp_store_header()) return MP_NONE;
  uint32_t index = mp_index_find(&sites, key_hash(key), site_equal, key);
  if (index != MP_NONE || !mp_lock_acquire(&lock)) return index;
  struct mp_site_key wanted = *key;
  const struct mp_region *region = region_of(MP_REGION_SITES);
  /* Threads that come and go must not use up all sites: the second half is for those that have no thread. */
  if (region->used >= region->capacity / 2) wanted.tid = 0;
  index = find_or_add_site(&wanted);
  while (index == MP_NONE && wanted.node != 0) {
    /* Full: blame the nearest caller that has a site, and say that the stack was cut. */
    wanted.node = node_at(wanted.node)->parent;
    wanted.flags |= MP_SITE_STACK_TRUNCATED;
    index = mp_index_find(&sites, key_hash(&wanted), site_equal, &wanted);
  }
  mp_lock_release(&lock);
  return index;
}

static void add_f64(uint64_t *bits, double by) {
  uint64_t old = __atomic_load_n(bits, __ATOMIC_RELAXED), wanted;
  do {
    wanted = mp_bits_of_double(mp_double_of_bits(old) + by);
  } while (!__atomic_compare_exchange_n(bits, &old, wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void mp_site_add(uint32_t index, double objects, double bytes, double objects_variance, double bytes_variance) {
  struct mp_site *site = site_at(index);
  add_f64(&site->alloc_objects_f64, objects);
  add_f64(&site->alloc_bytes_f64, bytes);
  if (objects_variance != 0) add_f64(&site->alloc_objects_variance_f64, objects_variance);
  if (bytes_variance != 0) add_f64(&site->alloc_bytes_variance_f64, bytes_variance);
  __atomic_fetch_add(&site->samples, 1, __ATOMIC_RELEASE);
}
