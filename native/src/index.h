/* A hash index over records that live elsewhere: open addressing, grown by its owner under the owner's lock, read by
 * anybody without one. A reader can miss a record that is being added or moved, never find a wrong one, because it
 * compares the records themselves: who misses takes the lock and looks again, or checks `changes`. */
#ifndef MEMPROF_INDEX_H
#define MEMPROF_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct mp_index_table {
  uint64_t capacity;
  uint32_t slots[]; /* record index + 1; 0 never used, MP_INDEX_REMOVED freed */
};

#define MP_INDEX_REMOVED UINT32_MAX

struct mp_index {
  struct mp_index_table *table; /* NULL while empty */
  struct mp_index_table *spare; /* the former table when it has the same size */
  uint64_t used;                /* slots that are not 0 */
  uint64_t records;
  uint64_t changes; /* raised before and after a rebuild: odd in the middle of one */
};

/* Tells whether the record at `index` is the wanted one. */
typedef bool (*mp_index_equal)(uint32_t index, const void *wanted);
/* The hash of the record at `index`, for a rebuild. */
typedef uint64_t (*mp_index_hash)(uint32_t index);

/* The index of the wanted record, or UINT32_MAX. */
uint32_t mp_index_find(const struct mp_index *self, uint64_t hash, mp_index_equal equal, const void *wanted);

/* Under the owner's lock: makes room for one more record; false when there is no memory. */
bool mp_index_reserve(struct mp_index *self, mp_index_hash hash);

/* Under the owner's lock, after mp_index_reserve. */
void mp_index_insert(struct mp_index *self, uint64_t hash, uint32_t index);

/* Under the owner's lock; false when it was not there. */
bool mp_index_remove(struct mp_index *self, uint64_t hash, uint32_t index);

/* Empties it, in a forked child. Who reads it meanwhile finds nothing, or anything: `equal` must be ready for that. */
void mp_index_clear(struct mp_index *self);

static inline uint64_t mp_hash_u64(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  return x ^ (x >> 32);
}

#endif
