/* Which of glibc's arenas a block came from. */
#ifndef MEMPROF_ARENA_H
#define MEMPROF_ARENA_H

#include <stdint.h>

/* MP_ARENA_*, or the address of the arena's malloc_state. */
uint64_t mp_arena_of(const void *block);

/* From the constructor: MP_ARENA_UNKNOWN everywhere unless the allocator is glibc's with its usual layout. */
void mp_arena_init(void);

#endif
