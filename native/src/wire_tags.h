/* The records of the store's region of tags; wire.h has the rest of the store. */
#ifndef MEMPROF_WIRE_TAGS_H
#define MEMPROF_WIRE_TAGS_H

#include <stddef.h>
#include <stdint.h>

enum mp_tag_kind { MP_TAG_POOL = 1, MP_TAG_ARENA = 2, MP_TAG_STAGE = 3, MP_TAG_LABELS = 4, MP_TAG_CONTEXT = 5, MP_TAG_HEAP = 6 };

/* How a sample got its context: in which of the carriers it was found. */
enum mp_tag_source {
  MP_TAG_SOURCE_NONE,
  MP_TAG_SOURCE_C,           /* memprof.h */
  MP_TAG_SOURCE_LEAF,        /* leaf code of the JavaScript API */
  MP_TAG_SOURCE_POOL_THREAD, /* work that was queued for a thread pool */
  MP_TAG_SOURCE_CPED,        /* V8's continuation-preserved data, through AsyncLocalStorage */
  MP_TAG_SOURCE_SMI,         /* the same slot, with nothing else in it */
  MP_TAG_SOURCE_RING,        /* the table of async ids */
  MP_TAG_SOURCE_COUNT
};

/* Index into mp_tag.counters. */
enum mp_tag_counter {
  MP_TAG_HITS,
  MP_TAG_MISSES,
  MP_TAG_DOUBLE_RELEASES,
  MP_TAG_USES_AFTER_RELEASE,
  MP_TAG_COUNTER_COUNT
};

/* What the program names: pools, their arenas, stages, labels and heaps, and the contexts made of them. Record 0 is none.
 * What identifies a record never changes; released_ns, budget_bytes, a pool's ordinal and the counters do.
 *   0      4      8        12        16      20       24           32            40             48                80       88       96
 *   +------+------+--------+---------+-------+--------+------------+-------------+--------------+-----------------+--------+--------+
 *   | kind | name | parent | ordinal | stage | labels | created_ns | released_ns | budget_bytes | counters[4]     | folded | unused |
 *   +------+------+--------+---------+-------+--------+------------+-------------+--------------+-----------------+--------+--------+ */
struct mp_tag {
  uint32_t kind;         /* enum mp_tag_kind */
  uint32_t name;         /* string id, of what has a name; LABELS: "k=v,k2=v2" */
  uint32_t parent;       /* ARENA: its pool. CONTEXT: an arena, a pool or 0 */
  uint32_t ordinal;      /* ARENA: counts the arenas of its pool from 1. POOL: the last one given, folded ones included */
  uint32_t stage;        /* CONTEXT: a stage or 0 */
  uint32_t labels;       /* CONTEXT: labels or 0 */
  uint64_t created_ns;
  uint64_t released_ns;  /* ARENA; 0: it has not been */
  uint64_t budget_bytes; /* POOL; 0: none */
  uint64_t counters[MP_TAG_COUNTER_COUNT];
  uint64_t folded;       /* POOL: arenas without a record, since the table was full: their samples carry the pool's context */
  uint64_t unused;
};
_Static_assert(sizeof(struct mp_tag) == 96, "wire");
_Static_assert(offsetof(struct mp_tag, counters) == 48, "wire");

#endif
