/* The store: the file that this process fills and memprof reads (wire.h draws it). Interning, counters, events.
 *
 * Nothing here allocates, opens files or waits without bound. A record that already exists is found without a lock; a
 * new one is added under a lock that gives up after a while, so neither a signal handler nor a fork can hang the
 * program. What cannot be stored is dropped and counted. */
#ifndef MEMPROF_STORE_H
#define MEMPROF_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define MP_NONE UINT32_MAX /* no index */

/* Adds to a counter of the header; does nothing while there is no store. */
void mp_count(enum mp_counter counter, uint64_t by);

/* Adds to the sampler's own memory in this process, as the header tells it. */
void mp_count_own_bytes(uint64_t bytes);

/* The id of an interned UTF-8 string; 0 for the empty string and when there is no room. */
uint32_t mp_store_string(const char *utf8, size_t bytes);

/* The index of an interned function, deduplicated by content; MP_NONE when there is no room. */
uint32_t mp_store_function(const struct mp_function *function);

/* The index of a module record, added unless the same object is there already; MP_NONE when there is no room. */
uint32_t mp_store_module(const struct mp_module *module);

struct mp_site_key {
  uint32_t node;
  uint32_t flags; /* enum mp_node_flags */
  uint64_t arena;
  uint32_t tid;
  uint32_t tag;
  uint8_t heap; /* enum mp_heap */
  uint8_t tag_source; /* enum mp_tag_source */
};

/* The trie node of a stack (frames leaf first); *flags gets MP_SITE_STACK_TRUNCATED when only its root-most part
 * fitted. */
uint32_t mp_store_stack(const uint64_t *frames, int count, uint32_t *flags);

/* The site of a key; MP_NONE when there is no room. When sites run short it drops the thread id first, and then the arena: the
 * context of its pool is left. */
uint32_t mp_store_site(const struct mp_site_key *key);

/* The heap (enum mp_heap) of a site; 0 of one that is none. */
uint32_t mp_site_heap(uint32_t site);

/* The arena (MP_ARENA_*, or the tag of a heap of the program's own) of a site; MP_ARENA_UNKNOWN of one that is none. */
uint64_t mp_site_arena(uint32_t site);

/* Takes a sample out of what its site has allocated: it was no allocation of the program's, but what a heap of its own is made of. */
void mp_site_take_back(const struct mp_live *sample);

/* Adds one allocation to a site: `objects` and `bytes` are estimates, the variances theirs. */
void mp_site_add(uint32_t site, double objects, double bytes, double objects_variance, double bytes_variance);

/* Appends an event; its ticket is filled in here. */
void mp_store_event(const struct mp_event *event);

/* --- the file --- */

/* Makes <directory>/<pid>.<n>.store and maps it. Returns false after counting why in control->refusals. A forked child's begins
 * with its parent's tags: those that the program holds stay right. */
bool mp_store_create(const char *directory, struct mp_control *control, bool forked);

/* Forgets the parent's store in a forked child, without writing to it. */
void mp_store_forget(void);

/* After this thread left our code by a jump. */
void mp_store_left(void);

/* In a forked child whose store cannot be forgotten yet, since our own code is under way in it: what that still writes goes
 * nowhere. */
void mp_store_detach(void);

/* The mapped header, or NULL while there is no store. */
struct mp_header *mp_store_header(void);

/* The start of a region's records. */
void *mp_store_region(enum mp_region_id id);

/* How many records a region has room for, and how many it has (not of the ring). A program may write over the mapped
 * file, its header included: what memory is touched rests on these, which are kept elsewhere. For the same reason an index
 * that was read from a record is looked at before it is used. */
uint64_t mp_store_capacity(enum mp_region_id id);
uint64_t mp_store_used(enum mp_region_id id);

/* Under the region's lock: where the next `count` records go, once there is room for them and their memory is safe to
 * touch; otherwise MP_NONE (a full tmpfs is counted). */
uint32_t mp_room_for(enum mp_region_id id, uint64_t count);

/* Under the region's lock: shows readers the next `count` records, which must be complete. */
void mp_publish(enum mp_region_id id, uint64_t count);

/* True from the moment that teardown was announced: nothing may be recorded any more. */
bool mp_store_frozen(void);

#endif
