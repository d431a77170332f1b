/* The loader's list of objects, read where debuggers read it. */
#ifndef MEMPROF_LINK_MAPS_H
#define MEMPROF_LINK_MAPS_H

#include <link.h>

/* The first object (the executable), or NULL in a static program. */
const struct link_map *mp_link_maps(void);

/* The object after `map` (NULL: the first) in the order of mp_symbol: those behind us, then those before us. NULL at
 * the end. */
const struct link_map *mp_link_map_behind(const struct link_map *map);

/* Like mp_symbol; *object becomes the one that defines it. */
void *mp_symbol_in(const char *name, const struct link_map **object);

/* The entry of a symbol that this object defines, in its own table; NULL if it does not, or if the object is us. */
const ElfW(Sym) * mp_symbol_entry(const struct link_map *map, const char *name);

#endif
