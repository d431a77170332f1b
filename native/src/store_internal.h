/* What the files of the store share. */
#ifndef MEMPROF_STORE_INTERNAL_H
#define MEMPROF_STORE_INTERNAL_H

#include "lock.h"
#include "store.h"

struct mp_store {
  struct mp_header *header; /* NULL while there is no store */
  char *mapped;             /* its file; in a forked child at first still the parent's */
  uint64_t mapped_bytes;
  char *base[MP_REGION_COUNT];
  uint64_t capacity[MP_REGION_COUNT]; /* records, as the header has it */
  uint64_t used[MP_REGION_COUNT];     /* the same, except of the ring */
  uint64_t grown[MP_REGION_COUNT]; /* bytes of each region that are safe to touch */
  uint64_t full_until_ns[MP_REGION_COUNT];
  uint64_t growth_budget; /* only where the kernel cannot say */
  struct mp_lock ring_lock;
  struct mp_lock intern_lock; /* one for all interned records: additions are rare */
};

extern struct mp_store mp_store;

/* Makes the store visible to readers, once its header is complete. */
void mp_store_publish(void);

/* Empty the indexes of the interned records. */
void mp_intern_forget(void);
void mp_sites_forget(void);
void mp_tags_forget(void);

/* In a forked child whose store has its parent's strings and tags: index them. */
void mp_intern_inherit(void);
void mp_tags_inherit(void);

#endif
