#include "index.h"

#include <stddef.h>

#include "memory.h"

#define FIRST_CAPACITY 1020 /* with its header just below one page */

/* The upper half of the hash, scaled: cheaper than a division. */
static uint64_t slot_of(const struct mp_index_table *table, uint64_t hash) {
  return (hash >> 32) * table->capacity >> 32;
}

static uint64_t next_slot(const struct mp_index_table *table, uint64_t slot) {
  return slot + 1 == table->capacity ? 0 : slot + 1;
}

uint32_t mp_index_find(const struct mp_index *self, uint64_t hash, mp_index_equal equal, const void *wanted) {
  const struct mp_index_table *table = __atomic_load_n(&self->table, __ATOMIC_ACQUIRE);
  if (!table) return UINT32_MAX;
  uint64_t slot = slot_of(table, hash);
  for (uint64_t probes = 0; probes < table->capacity; probes++, slot = next_slot(table, slot)) {
    uint32_t value = __atomic_load_n(&table->slots[slot], __ATOMIC_ACQUIRE);
    if (value == 0) return UINT32_MAX;
    if (value != MP_INDEX_REMOVED && equal(value - 1, wanted)) return value - 1;
  }
  return UINT32_MAX;
}

static void put(struct mp_index_table *table, uint64_t hash, uint32_t index) {
  uint64_t slot = slot_of(table, hash);
  while (table->slots[slot] != 0 && table->slots[slot] != MP_INDEX_REMOVED) slot = next_slot(table, slot);
  __atomic_store_n(&table->slots[slot], index + 1, __ATOMIC_RELEASE);
}

static size_t bytes_of(uint64_t capacity) { return sizeof(struct mp_index_table) + capacity * sizeof(uint32_t); }

static struct mp_index_table *table_of_capacity(struct mp_index *self, uint64_t capacity) {
  size_t bytes = bytes_of(capacity);
  struct mp_index_table *table = self->spare;
  if (table && table->capacity == capacity) {
    self->spare = NULL;
    /* Word by word: there may still be readers of it. */
    for (uint64_t i = 0; i < capacity; i++) __atomic_store_n(&table->slots[i], 0, __ATOMIC_RELAXED);
    return table;
  }
  table = mp_memory_take(bytes);
  if (table) table->capacity = capacity;
  return table;
}

bool mp_index_reserve(struct mp_index *self, mp_index_hash hash) {
  struct mp_index_table *old = self->table;
  if (old && (self->used + 1) * 4 <= old->capacity * 3) return true;
  /* Mostly freed slots: a table of the same size. Otherwise a larger one; smaller ones stay as they are, for their
   * readers.
   */
  uint64_t capacity = !old ? FIRST_CAPACITY : self->records * 2 < old->capacity ? old->capacity : old->capacity * 2;
  uint64_t changes = self->changes | 1; /* odd before, if a rebuild was left by a jump */
  __atomic_store_n(&self->changes, changes, __ATOMIC_SEQ_CST);
  struct mp_index_table *table = table_of_capacity(self, capacity);
  if (table) {
    for (uint64_t i = 0; old && i < old->capacity; i++) {
      uint32_t value = old->slots[i];
      if (value != 0 && value != MP_INDEX_REMOVED) put(table, hash(value - 1), value - 1);
    }
    __atomic_store_n(&self->table, table, __ATOMIC_RELEASE);
    self->used = self->records;
    if (old && old->capacity == capacity) self->spare = old;
  }
  __atomic_store_n(&self->changes, changes + 1, __ATOMIC_SEQ_CST);
  return table != NULL;
}

void mp_index_insert(struct mp_index *self, uint64_t hash, uint32_t index) {
  put(self->table, hash, index);
  self->used++; /* an upper bound: a reused slot counts twice, which only rebuilds earlier */
  self->records++;
}

bool mp_index_remove(struct mp_index *self, uint64_t hash, uint32_t index) {
  struct mp_index_table *table = self->table;
  if (!table) return false;
  uint64_t slot = slot_of(table, hash);
  for (uint64_t probes = 0; probes < table->capacity; probes++, slot = next_slot(table, slot)) {
    uint32_t value = table->slots[slot];
    if (value == 0) return false;
    if (value == index + 1) {
      __atomic_store_n(&table->slots[slot], MP_INDEX_REMOVED, __ATOMIC_RELEASE);
      self->records--;
      return true;
    }
  }
  return false;
}

void mp_index_clear(struct mp_index *self) {
  __atomic_store_n(&self->table, NULL, __ATOMIC_RELEASE); /* others may be reading */
  *self = (struct mp_index){.changes = (self->changes + 1) & ~1ull};
}
