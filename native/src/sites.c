/* Stacks and sites: a trie of frames, and what was allocated at its nodes. */
#include "index.h"
#include "maths.h"
#include "store_internal.h"
#include "tags.h"

static struct mp_index nodes, sites;
/* Part of the hash of whole stacks: what a child inherits of them means nothing to it, and its pages stay shared. */
static uint64_t memo_epoch;

void mp_sites_forget(void) {
  mp_index_clear(&nodes);
  mp_index_clear(&sites);
  memo_epoch += 0x9e3779b97f4a7c15ull;
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
  uint32_t start = mp_store_used(MP_REGION_NODES) == 0; /* the root */
  uint32_t index = mp_room_for(MP_REGION_NODES, start + 1);
  if (index == MP_NONE || !mp_index_reserve(&nodes, node_hash)) return MP_NONE;
  index += start;
  *node_at(index) = (struct mp_node){
      .frame = child->frame, .parent = child->parent, .depth = child->parent ? node_at(child->parent)->depth + 1 : 1};
  mp_publish(MP_REGION_NODES, start + 1);
  mp_index_insert(&nodes, hash, index);
  return index;
}

/* Whole stacks that were seen before, by a hash of all their frames: the walk down the trie misses the processor's caches
 * twice a frame, this once a stack. Two words, written without a lock: the node, and the hash xored with it, so that halves
 * of two entries do not fit together. Two stacks of one hash (once in 2^64 pairs) would be taken for each other. */
#define MEMO_BITS 12

static struct memo {
  uint64_t node, check;
} memo[1 << MEMO_BITS];

static uint64_t stack_hash(const uint64_t *frames, int count) {
  uint64_t hash = memo_epoch + (uint64_t)count;
  for (int i = 0; i < count; i++) {
    hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 29;
  }
  return mp_hash_u64(hash);
}

static uint32_t recall_stack(uint64_t hash) {
  const struct memo *entry = &memo[hash >> (64 - MEMO_BITS)];
  uint64_t node = __atomic_load_n(&entry->node, __ATOMIC_ACQUIRE);
  return (__atomic_load_n(&entry->check, __ATOMIC_RELAXED) ^ node) == hash ? (uint32_t)node : 0;
}

static void remember_stack(uint64_t hash, uint32_t node) {
  struct memo *entry = &memo[hash >> (64 - MEMO_BITS)];
  __atomic_store_n(&entry->check, hash ^ node, __ATOMIC_RELAXED);
  __atomic_store_n(&entry->node, node, __ATOMIC_RELEASE);
}

static uint32_t find_or_add_stack(const uint64_t *frames, int count, uint32_t *flags) {
  uint32_t node = 0;
  bool locked = false;
  for (int i = count; i-- > 0;) {
    struct child child = {frames[i], node};
    uint64_t hash = child_hash(child.frame, child.parent);
    uint32_t next = mp_index_find(&nodes, hash, node_equal, &child);
    if (next == MP_NONE && !locked) {
      locked = mp_lock_acquire(&mp_store.intern_lock);
      if (locked) next = mp_index_find(&nodes, hash, node_equal, &child);
    }
    if (next == MP_NONE && locked) next = add_node(&child, hash);
    if (next == MP_NONE) {
      *flags |= MP_SITE_STACK_TRUNCATED;
      break;
    }
    node = next;
  }
  if (locked) mp_lock_release(&mp_store.intern_lock);
  return node;
}

uint32_t mp_store_stack(const uint64_t *frames, int count, uint32_t *flags) {
  uint64_t hash = stack_hash(frames, count);
  uint32_t node = recall_stack(hash);
  if (node != 0) return node;
  uint32_t former_flags = *flags;
  node = find_or_add_stack(frames, count, flags);
  if (node != 0 && *flags == former_flags) remember_stack(hash, node);
  return node;
}

/* --- sites --- */

static struct mp_site *site_at(uint32_t index) { return (struct mp_site *)mp_store.base[MP_REGION_SITES] + index; }

static bool site_equal(uint32_t index, const void *wanted) {
  const struct mp_site_key *key = wanted;
  const struct mp_site *site = site_at(index);
  return site->node == key->node && site->heap == key->heap && site->arena == key->arena && site->tid == key->tid &&
         site->flags == key->flags && site->tag == key->tag && site->tag_source == key->tag_source;
}

static uint64_t key_hash(const struct mp_site_key *key) {
  uint64_t hash = mp_hash_u64(((uint64_t)key->node << 32 | key->tid) + 1);
  hash = mp_hash_u64(hash ^ key->arena ^ ((uint64_t)key->heap << 32 | key->flags));
  return key->tag == 0 ? hash : mp_hash_u64(hash ^ ((uint64_t)key->tag_source << 32 | key->tag));
}

static uint64_t site_hash(uint32_t index) {
  const struct mp_site *site = site_at(index);
  return key_hash(&(struct mp_site_key){.node = site->node,
                                        .flags = site->flags,
                                        .arena = site->arena,
                                        .tid = site->tid,
                                        .tag = site->tag,
                                        .heap = site->heap,
                                        .tag_source = site->tag_source});
}

static uint32_t find_or_add_site(const struct mp_site_key *key) {
  uint64_t hash = key_hash(key);
  uint32_t index = mp_index_find(&sites, hash, site_equal, key);
  if (index != MP_NONE || !mp_index_reserve(&sites, site_hash)) return index;
  index = mp_room_for(MP_REGION_SITES, 1);
  if (index == MP_NONE) return MP_NONE;
  *site_at(index) = (struct mp_site){.node = key->node,
                                     .heap = key->heap,
                                     .tag_source = key->tag_source,
                                     .flags = (uint16_t)key->flags,
                                     .arena = key->arena,
                                     .tid = key->tid,
                                     .tag = key->tag};
  mp_publish(MP_REGION_SITES, 1);
  mp_index_insert(&sites, hash, index);
  return index;
}

/* Full: blames the nearest caller that has a site, and says that the stack was cut. */
static uint32_t site_of_caller(struct mp_site_key wanted) {
  uint32_t index = MP_NONE;
  while (index == MP_NONE && wanted.node != 0) {
    uint32_t parent = node_at(wanted.node)->parent;
    if (parent >= wanted.node) break; /* a caller's node is older */
    wanted.node = parent;
    wanted.flags |= MP_SITE_STACK_TRUNCATED;
    index = mp_index_find(&sites, key_hash(&wanted), site_equal, &wanted);
  }
  return index;
}

uint32_t mp_store_site(const struct mp_site_key *key) {
  if (!mp_store_header()) return MP_NONE;
  uint32_t index = mp_index_find(&sites, key_hash(key), site_equal, key);
  if (index != MP_NONE || !mp_lock_acquire(&mp_store.intern_lock)) return index;
  struct mp_site_key wanted = *key;
  uint64_t used = mp_store_used(MP_REGION_SITES), capacity = mp_store_capacity(MP_REGION_SITES);
  /* Threads and arenas that come and go must not use up all sites: the second half is for those that have no thread, the last
   * quarter for those that have a pool at most. */
  if (used >= capacity / 2) wanted.tid = 0;
  if (used >= capacity / 4 * 3 && wanted.tag != 0) wanted.tag = mp_tag_context_of_pool(wanted.tag);
  index = find_or_add_site(&wanted);
  if (index == MP_NONE) index = site_of_caller(wanted);
  if (index == MP_NONE && wanted.tag != 0) {
    wanted.tag = wanted.tag_source = 0;
    index = mp_index_find(&sites, key_hash(&wanted), site_equal, &wanted);
    if (index == MP_NONE) index = site_of_caller(wanted);
  }
  mp_lock_release(&mp_store.intern_lock);
  return index;
}

uint32_t mp_site_heap(uint32_t site) { return site < mp_store_used(MP_REGION_SITES) ? site_at(site)->heap : 0; }

uint64_t mp_site_arena(uint32_t site) {
  return site < mp_store_used(MP_REGION_SITES) ? site_at(site)->arena : MP_ARENA_UNKNOWN;
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

void mp_site_take_back(const struct mp_live *sample) {
  if (!mp_store_header() || sample->site >= mp_store_used(MP_REGION_SITES)) return;
  struct mp_site *site = site_at(sample->site);
  double size = sample->size_bytes ? (double)sample->size_bytes : 1, bytes = mp_double_of_bits(sample->weight_bytes_f64);
  double p = size / bytes, unseen = (1 - p) / (p * p);
  add_f64(&site->alloc_objects_f64, -1 / p);
  add_f64(&site->alloc_bytes_f64, -bytes);
  add_f64(&site->alloc_objects_variance_f64, -unseen);
  add_f64(&site->alloc_bytes_variance_f64, -unseen * size * size);
  __atomic_fetch_sub(&site->samples, 1, __ATOMIC_RELAXED);
}
