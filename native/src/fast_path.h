#ifndef MEMPROF_FAST_PATH_H
#define MEMPROF_FAST_PATH_H

#define mp_likely(x) __builtin_expect(!!(x), 1)
#define mp_unlikely(x) __builtin_expect(!!(x), 0)

/* For variables of the fast paths: -fvisibility=hidden does not reach declarations, and without this the address of each
 * comes from the global offset table. */
#define MP_HIDDEN __attribute__((visibility("hidden")))

#endif
