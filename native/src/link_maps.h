/* The loader's list of objects, read where debuggers read it. */
#ifndef MEMPROF_LINK_MAPS_H
#define MEMPROF_LINK_MAPS_H

#include <link.h>

/* The first object (the executable), or NULL in a static program. */
const struct link_map *mp_link_maps(void);

/* Like mp_symbol, searching after *at (NULL: from the start); *at becomes the object that defines it. */
void *mp_symbol_after(const char *name, const struct link_map **at);

#endif
