/* What carries the current context through JavaScript, also after await. docs/explanation/arena-carriers.md.
 *
 *   carrier_door.c     what the agent calls, once per thread: start, stop, ask
 *        |
 *   carrier.c          which carrier this thread has, and the answer for a sample
 *        |------- carrier_cped.c      V8's continuation-preserved data: a Map of AsyncLocalStorages
 *        |------- carrier_slot.c      where the isolate keeps them
 *        |
 *   carrier_queue.c    work that is queued for a pool of threads; carrier_import.c makes addons find us there */
#ifndef MEMPROF_CARRIER_H
#define MEMPROF_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* The context that JavaScript is in on this thread; *source gets an enum mp_tag_source. 0: none. Called within a sample: no
 * allocation, no lock, and nothing that the program's state could make fail. */
uint32_t mp_carrier_current(uint8_t *source);

/* Makes addons that are loaded from now on queue their work through us. From the constructor. */
void mp_carrier_watch_queues(void);

/* ---- inside the carriers */

/* An entry of a ring (src/agent/carrier-ring.cts writes them): the context of an asynchronous id, at the index of its low bits.
 *   31 30      28 27                    16 15       0
 *   +---+--------+------------------------+---------+
 *   | 0 | 100    | id >> 20 (12 bits)     | context |
 *   +---+--------+------------------------+---------+ */
#define MP_RING_BITS 20
#define MP_RING_ENTRIES (1u << MP_RING_BITS)
#define MP_RING_WRITTEN 0x40000000u

/* The carrier of a thread. Written by its own thread alone, `source` last: a sample may come between any two writes. */
struct mp_carrier {
  uint8_t source;            /* enum mp_tag_source; MP_TAG_SOURCE_NONE: the rest means nothing */
  bool collecting;           /* cped: between the collector's prologue and its epilogue, while objects move */
  uint32_t at_collection;    /* cped: the context that the prologue found */
  void *isolate;
  const uint64_t *slot;      /* cped, smi: the isolate's word of continuation-preserved data */
  const uint64_t *key;       /* cped: a global handle of our AsyncLocalStorage; the collector keeps it up to date */
  const double *async_id;    /* ring: the current executionAsyncId, in Node's own field */
  const uint32_t *rings[2];  /* ring: of short-lived resources, and of all others */
};
extern __thread struct mp_carrier mp_carrier __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* ---- carrier_slot.c */

/* Where the isolate of this thread keeps its continuation-preserved data; NULL if exactly one word of it cannot be told. Calls V8. */
const uint64_t *mp_carrier_find_slot(void *isolate, void *(*make_smi)(uint32_t value));

/* ---- carrier_cped.c */

/* The Smi that `key` has in the Map `frame`, if it has one and that is what it is; 0 otherwise. */
uint32_t mp_carrier_look_up(uint64_t frame, uint64_t key);

/* Learns where a Map keeps its table, from one in which `key` has the value `known`. */
bool mp_carrier_learn_map(uint64_t frame, uint64_t key, uint32_t known);

#endif
