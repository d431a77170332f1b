#ifndef MEMPROF_HOOKS_H
#define MEMPROF_HOOKS_H

/* A function that stands in for another library's. */
#define MP_HOOK __attribute__((visibility("default")))

/* Out of the way of the fast path. */
#define MP_SLOW __attribute__((noinline, cold))

/* Before anything is recorded. */
void mp_hooks_map_start(void);

/* After a dlclose: the C++ operators behind ours may be gone. */
void mp_operators_forget(void);

#endif
