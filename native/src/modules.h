/* The loaded objects, by program counter: where their unwind tables are, and their record in the store.
 *
 * Inside a hook nothing may take the loader's lock, so dl_iterate_phdr is out. glibc >= 2.35 answers without a lock
 * (_dl_find_object); elsewhere the loader's list is walked with reads that cannot fault. */
#ifndef MEMPROF_MODULES_H
#define MEMPROF_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cfi.h"

struct mp_loaded {
  uintptr_t start, end; /* all its segments */
  uintptr_t bias;
  struct mp_cfi_table cfi; /* hdr 0: none. All its bytes are readable: segments without a gap between them */
  const char *path;       /* the loader's string; valid while loaded */
  uintptr_t headers;      /* program headers */
  uint32_t header_count;
  uint32_t generation; /* of its record in the store: the generation field of its frames */
  uint32_t checked_at; /* the generation in which it was last seen to be still the same object */
  bool registered;     /* in the current store */
};

/* From the constructor. */
void mp_modules_init(void);

/* The object that contains pc, registered in the store; false when there is none (JIT code). */
bool mp_module_at(uintptr_t pc, struct mp_loaded *out);

/* Counts dlclose calls that unloaded something: what was known about addresses before may be wrong. */
extern uint32_t mp_map_generation;
void mp_modules_changed(void);

/* Raised when cached answers about code addresses expire: a new generation, a new store. */
extern uint32_t mp_modules_epoch;

/* After this thread left our code by a jump. */
void mp_modules_left(void);

/* The new store of a forked child has no records yet. */
void mp_modules_forget(void);

/* Our own code: frames in it are never recorded. */
bool mp_is_own_code(uintptr_t pc);

/* How long our own image is in memory, its variables included. */
size_t mp_own_image_bytes(void);

#endif
