/* What libraries that are loaded later get when they ask for a function of the executable's. */
#ifndef MEMPROF_CARRIER_IMPORT_H
#define MEMPROF_CARRIER_IMPORT_H

#include <stdbool.h>

/* Makes `replacement` the address of the executable's exported function `name` for every library that is loaded, and every dlsym that
 * is called, from now on; *original gets the function itself, before. The executable's own calls stay as they are. False, with
 * nothing changed, where it exports no such function or its table of symbols cannot be written. */
bool mp_import_replace(const char *name, void *replacement, void **original);

#endif
