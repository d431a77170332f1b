/* A store in memory, as much of store.h as the decoder of JavaScript frames needs. For tests. */
#ifndef MEMPROF_STUB_STORE_H
#define MEMPROF_STUB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "../src/store.h"

extern _Atomic uint64_t stub_counters[MP_COUNTER_COUNT];

/* Writes {"mark":..,"frames":[["name","script",position,start,end,scriptId,flags,"I"|"A"|...], ... , address]} and a newline;
 * position is -1 if unknown; native frames are hex strings. */
void stub_print_stack(int fd, uint64_t mark, const uint64_t *frames, int count);

#endif
