#include "live.h"

#include <string.h>

#include "index.h"
#include "lock.h"
#include "maths.h"
#include "memory.h"
#include "store.h"

uint32_t mp_live_filter[1 << MP_FILTER_MAX_BITS >> 5];
uint32_t mp_live_filter_mask = (1u << MP_FILTER_MIN_BITS) - 1;

static struct mp_lock lock;
static struct mp_index by_address;

/* Freed slots, linked through `next_free` by slot + 1: reused first, so that the region stays dense. */
static uint32_t *next_free;
static uint32_t first_free;

/* How many live blocks each slot of the filter stands for. One that reached 255 no longer knows, and stays. */
static uint8_t filter_counts[1 << MP_FILTER_MAX_BITS];

/* Under the lock. */
static void filter_raise(uint32_t filter_slot, int by) {
  uint8_t *count = &filter_counts[filter_slot];
  if (*count == 255) return;
  *count = (uint8_t)(*count + by);
  uint32_t *word = &mp_live_filter[filter_slot >> 5], bit = 1u << (filter_slot & 31);
  __atomic_store_n(word, *count != 0 ? *word | bit : *word & ~bit, __ATOMIC_RELEASE);
}

static struct mp_live *slot_at(uint32_t index) { return (struct mp_live *)mp_store_region(MP_REGION_LIVE) + index; }

/* More than any index that is in use. */
static uint64_t slots_bound;

/* Widens the filter when more than one slot in 16 is in use. Every live block's counter is raised under the wider mask before
 * that mask is published. Those under the narrow one stay as they are, for frees that still hold the narrow mask; so the
 * lower slots keep some false alarms. */
static void filter_grow(void) {
  uint64_t slots = (uint64_t)mp_live_filter_mask + 1;
  if (by_address.records < slots / 16 || slots >> MP_FILTER_MAX_BITS) return;
  uint32_t wide = (uint32_t)(slots << 2 >> MP_FILTER_MAX_BITS ? 1u << MP_FILTER_MAX_BITS : slots << 2) - 1;
  for (uint64_t i = 0; i < mp_store_used(MP_REGION_LIVE); i++) {
    uintptr_t address = slot_at((uint32_t)i)->address;
    uint32_t slot = mp_live_filter_hash(address) & wide;
    if (address != 0 && slot > mp_live_filter_mask) filter_raise(slot, 1);
  }
  mp_count_own_bytes((wide - mp_live_filter_mask) / 8 * 9);
  __atomic_store_n(&mp_live_filter_mask, wide, __ATOMIC_RELEASE);
}

uint64_t mp_live_untouched_bytes(void) {
  uint64_t slots = (uint64_t)mp_live_filter_mask + 1;
  return sizeof mp_live_filter + sizeof filter_counts - slots / 8 - slots;
}

/* The bound is for a free that was looking into the index while another thread set a forked child up: there may be
 * anything by now. */
static bool equal(uint32_t index, const void *wanted) {
  return index < __atomic_load_n(&slots_bound, __ATOMIC_RELAXED) &&
         __atomic_load_n(&slot_at(index)->address, __ATOMIC_RELAXED) == *(const uintptr_t *)wanted;
}

static uint64_t hash(uint32_t index) { return mp_hash_u64(slot_at(index)->address); }

/* The answer "no" holds only if no rebuild was under way: a rebuild moves entries. */
bool mp_live_contains(uintptr_t address) {
  for (;;) {
    uint64_t before = __atomic_load_n(&by_address.changes, __ATOMIC_SEQ_CST);
    if (mp_index_find(&by_address, mp_hash_u64(address), equal, &address) != MP_NONE) return true;
    if ((before & 1) == 0 && __atomic_load_n(&by_address.changes, __ATOMIC_SEQ_CST) == before) return false;
    if (before & 1) return true; /* let the lock decide */
  }
}

static void write_slot(struct mp_live *slot, const struct mp_live *value) {
  uint32_t sequence = slot->sequence | 1; /* odd before, if it was left in the middle by a jump */
  __atomic_store_n(&slot->sequence, sequence, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(&slot->address, value->address, __ATOMIC_RELAXED);
  slot->size_bytes = value->size_bytes;
  slot->weight_bytes_f64 = value->weight_bytes_f64;
  slot->allocated_at_ns = value->allocated_at_ns;
  slot->site = value->site;
  __atomic_store_n(&slot->sequence, sequence + 1, __ATOMIC_RELEASE);
}

static void add_live_bytes(uint64_t weight_bits, bool removed) {
  uint64_t bytes = (uint64_t)mp_double_of_bits(weight_bits);
  __atomic_fetch_add(&mp_store_header()->live_bytes, removed ? -bytes : bytes, __ATOMIC_RELAXED);
}

static uint32_t take_slot(void) {
  uint64_t capacity = mp_store_capacity(MP_REGION_LIVE);
  if (!next_free) next_free = mp_memory_take(capacity * sizeof *next_free);
  if (next_free && first_free) {
    uint32_t index = first_free - 1;
    first_free = next_free[index];
    return index;
  }
  uint32_t index = mp_room_for(MP_REGION_LIVE, 1);
  if (index == MP_NONE) return MP_NONE;
  __atomic_store_n(&slots_bound, capacity, __ATOMIC_RELAXED);
  mp_publish(MP_REGION_LIVE, 1);
  return index;
}

static bool remove_locked(uintptr_t address, struct mp_live *removed) {
  uint64_t key = mp_hash_u64(address);
  uint32_t index = mp_index_find(&by_address, key, equal, &address);
  if (index == MP_NONE) return false;
  struct mp_live *slot = slot_at(index);
  *removed = *slot;
  mp_index_remove(&by_address, key, index);
  write_slot(slot, &(struct mp_live){.address = 0});
  if (next_free) {
    next_free[index] = first_free;
    first_free = index + 1;
  }
  add_live_bytes(removed->weight_bytes_f64, true);
  filter_raise(mp_live_filter_slot(address), -1);
  return true;
}

bool mp_live_add(uintptr_t address, uint64_t size_bytes, double weight_bytes, uint64_t now_ns, uint32_t site) {
  struct mp_live value = {.address = address,
                          .size_bytes = size_bytes,
                          .weight_bytes_f64 = mp_bits_of_double(weight_bytes),
                          .allocated_at_ns = now_ns,
                          .site = site};
  struct mp_live stale;
  bool added = false;
  if (mp_lock_acquire(&lock)) {
    /* Its free was lost: a signal handler that freed inside our own code, or memory given back in a way that we do not
     * see. */
    remove_locked(address, &stale);
    uint32_t index = mp_index_reserve(&by_address, hash) ? take_slot() : MP_NONE;
    if (index != MP_NONE) {
      filter_grow();
      filter_raise(mp_live_filter_slot(address), 1); /* first: a free that finds the slot must have seen the counter */
      write_slot(slot_at(index), &value);
      mp_index_insert(&by_address, mp_hash_u64(address), index);
      add_live_bytes(value.weight_bytes_f64, false);
      added = true;
    }
    mp_lock_release(&lock);
  }
  if (!added) mp_count(MP_DROPPED_LIVE, 1);
  return added;
}

bool mp_live_remove(uintptr_t address, struct mp_live *removed) {
  if (!mp_lock_acquire(&lock)) {
    mp_count(MP_DROPPED_NESTED, 1);
    return false;
  }
  bool found = remove_locked(address, removed);
  mp_lock_release(&lock);
  return found;
}

void mp_live_left(void) { mp_lock_release_left(&lock); }

void mp_live_forget(void) {
  mp_lock_release(&lock);
  mp_index_clear(&by_address);
  memset(filter_counts, 0, (size_t)mp_live_filter_mask + 1);
  memset(mp_live_filter, 0, ((size_t)mp_live_filter_mask + 1) / 8);
  mp_live_filter_mask = (1u << MP_FILTER_MIN_BITS) - 1;
  next_free = NULL;
  first_free = 0;
}
