/* What another allocator than glibc's says of itself: asked by the agent, in the program's main thread, now and then. */
#ifndef MEMPROF_ALLOCATOR_FIGURES_H
#define MEMPROF_ALLOCATOR_FIGURES_H

#include <stddef.h>

/* Writes "jemalloc stats.allocated 123 stats.active 456 ...", bytes, with the allocator's own names; returns its length, 0 where it has
 * none to tell. It takes the allocator's locks, each for a moment: never to be called from inside malloc. */
size_t mp_allocator_figures(char *text, size_t bytes);

#endif
