/* Symbol lookup without dlsym: no lock, no malloc, no dependency on where the libc of the day keeps dlsym. */
#ifndef MEMPROF_SYMBOLS_H
#define MEMPROF_SYMBOLS_H

#include <stdint.h>

/* The next definition of a symbol: the first one behind us in load order or, where there is none, the first before us.
 * Whoever stands before us and passes calls on to its next definition (RTLD_NEXT) means us, and must not get them back.
 * NULL if nobody else has it. Of a versioned symbol the default version; an indirect function is resolved. */
void *mp_symbol(const char *name);

/* The definition that the program would get without us: the first in load order, ours left out. */
void *mp_symbol_of_program(const char *name);

#endif
