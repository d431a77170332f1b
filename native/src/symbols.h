/* Symbol lookup without dlsym: no lock, no malloc, no dependency on where the libc of the day keeps dlsym. */
#ifndef MEMPROF_SYMBOLS_H
#define MEMPROF_SYMBOLS_H

#include <stdint.h>

/* The first definition of a symbol among the loaded objects in load order, ours left out; NULL if there is none. Of a
 * versioned symbol the default version; an indirect function is resolved. */
void *mp_symbol(const char *name);

#endif
