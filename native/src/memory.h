/* Our own anonymous memory: one range, mapped at the start and handed out piece by piece, never on the program's heap.
 *
 * Nothing may be mapped later. A program that unmaps a part of a range, and then the whole of it, is right as long as
 * nobody maps anything in between; if we did, our memory could land in its hole, and go with the second call. */
#ifndef MEMPROF_MEMORY_H
#define MEMPROF_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The size of the range for a store whose capacities were halved so often. */
size_t mp_memory_bytes(int halvings);

/* Maps the range, once; false when there is no address space for it. */
bool mp_memory_init(int halvings);

/* Zeroed and touched lazily; NULL when the range is used up. There is no way to give a piece back. */
void *mp_memory_take(size_t bytes);

/* Empties the range, in a forked child: whoever took a piece must have forgotten it. */
void mp_memory_forget(void);

#endif
