/* What carries the current context through JavaScript, also after await. */
#ifndef MEMPROF_CARRIER_H
#define MEMPROF_CARRIER_H

#include <stdint.h>

/* The context that JavaScript is in on this thread; *source gets an enum mp_tag_source. 0: none. Called within a sample: no
 * allocation, no lock, and nothing that the program's state could make fail. */
uint32_t mp_carrier_current(uint8_t *source);

#endif
