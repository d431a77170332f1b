/* Tags: what the program names, as numbers of records in the store's tags table (wire_tags.h draws it). 0 is none.
 *
 * A context is what a sample carries: an arena or a pool, a stage and labels, each of which may be missing. It is normalised:
 * of an arena within an arena only the inner one is left, so nesting costs nothing however deep. A context of one thing alone
 * is the tag of that thing. Everything is interned under the lock of the store; when the table is full, the nearest tag that
 * there is does instead. Any number may be passed as a tag: one that is none counts as 0. */
#ifndef MEMPROF_TAGS_H
#define MEMPROF_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define MP_TAG_NAME_BYTES 128   /* longer names are cut */
#define MP_TAG_LABELS_BYTES 512

/* --- tags.c: inside mp_enter only, but for mp_tag_context_of_pool --- */

/* The pool of that name. budget_bytes 0: none, or as it was. */
uint32_t mp_tag_pool(const char *utf8, size_t bytes, uint64_t budget_bytes);

/* A new arena of a pool; 0 when the table has no room for more arenas, which the pool then counts as folded. */
uint32_t mp_tag_arena(uint32_t pool);

/* An arena's number within its pool; of a pool, the last one given. 0 of anything else. */
uint32_t mp_tag_ordinal(uint32_t tag);

uint32_t mp_tag_stage(const char *utf8, size_t bytes);
uint32_t mp_tag_labels(const char *utf8, size_t bytes);
uint32_t mp_tag_heap(const char *utf8, size_t bytes);

/* The context of these three. */
uint32_t mp_tag_context(uint32_t arena_or_pool, uint32_t stage, uint32_t labels);

/* What holds inside `tag` (a context, or an arena, a pool, a stage, labels) when `outer` holds around it. */
uint32_t mp_tag_inside(uint32_t outer, uint32_t tag);

/* Whether it says something of an arena or a pool. */
bool mp_tag_has_arena(uint32_t tag);

/* The arena's end, or a double release. */
void mp_tag_release(uint32_t arena);
bool mp_tag_is_released(uint32_t arena);

void mp_tag_count(uint32_t tag, enum mp_tag_counter counter, uint64_t by);

/* The kind of a tag (enum mp_tag_kind); 0 of a number that is none. */
uint32_t mp_tag_kind(uint32_t tag);

/* Under the store's lock: the same context with its arena's pool instead of the arena. */
uint32_t mp_tag_context_of_pool(uint32_t tag);

/* --- tag_here.c --- */

/* The words of a thread that hold a context, each set by who it is named for. */
struct mp_tag_words {
  uint32_t c;           /* memprof.h */
  uint32_t leaf;        /* JavaScript code that makes no callbacks: written by the agent */
  uint32_t pool_thread; /* work that was queued for this thread */
};
extern __thread struct mp_tag_words mp_tag_words __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The context of this moment, asked once a sample; *source gets an enum mp_tag_source. */
uint32_t mp_tag_here(uint8_t *source);

#endif
