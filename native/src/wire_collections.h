/* What V8's collector did: an event of the store's ring in a form of its own; wire.h has the others. */
#ifndef MEMPROF_WIRE_COLLECTIONS_H
#define MEMPROF_WIRE_COLLECTIONS_H

#include <stddef.h>
#include <stdint.h>

/* v8::GCType, which is a bit each; 0: the size of the heap was read, and nothing was collected. */
enum mp_collection_kind {
  MP_COLLECTION_NONE = 0,
  MP_COLLECTION_SCAVENGE = 1,
  MP_COLLECTION_MINOR_MARK_COMPACT = 2,
  MP_COLLECTION_MARK_COMPACT = 4,
  MP_COLLECTION_INCREMENTAL = 8,
  MP_COLLECTION_WEAK_CALLBACKS = 16
};

#define MP_COLLECTION_OURS (1u << 31) /* the profiler asked for it */

/* One pause of one isolate: an event of type MP_EVENT_COLLECTION. Sizes are 0 where they were not read: that takes a few us, and is done
 * a hundred times a second at most.
 *   0        8      16     18     20    24       28      32         40            48           56          60    64
 *   +--------+------+------+------+-----+--------+-------+----------+-------------+------------+-----------+-----+
 *   | ticket | time | type | kind | tid | thread | flags | duration | used_before | used_after | total_kib |     |
 *   +--------+------+------+------+-----+--------+-------+----------+-------------+------------+-----------+-----+ */
struct mp_collection {
  uint64_t ticket;
  uint64_t time_ns; /* when it began */
  uint16_t type;    /* MP_EVENT_COLLECTION */
  uint16_t kind;    /* enum mp_collection_kind */
  uint32_t tid;
  uint32_t thread;  /* Node's number of the isolate's thread */
  uint32_t flags;   /* v8::GCCallbackFlags, MP_COLLECTION_OURS */
  uint64_t duration_ns;
  uint64_t used_before_bytes, used_after_bytes;
  uint32_t total_kib; /* after it: pages of V8's heap, free objects included */
  uint32_t unused;
};
_Static_assert(sizeof(struct mp_collection) == 64, "wire");
_Static_assert(offsetof(struct mp_collection, type) == 16, "wire");
_Static_assert(offsetof(struct mp_collection, thread) == 24, "wire");

#endif
