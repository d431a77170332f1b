/* JavaScript frames, seen from inside an allocation on a stock Node: V8 is not asked, its heap is read.
 *
 * Node exports the offsets of V8's objects for post-mortem debuggers ("v8dbg_..." symbols). With these a frame leads to its
 * JSFunction, that to its SharedFunctionInfo (name, source range, script), and its byte code or machine code to the current
 * source position. docs/explanation/javascript-frames.md tells the whole way.
 *
 * Everything here may run inside malloc, in any thread, in the middle of a garbage collection. So nothing allocates, nothing
 * locks, and nothing trusts: each pointer is checked before it is followed (peek.h) and each object by its type tag. */
#ifndef MEMPROF_V8_H
#define MEMPROF_V8_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum mp_v8_state_value {
  MP_V8_NONE = 0,    /* no V8 in this process */
  MP_V8_KNOWN = 1,   /* functions and current positions decode */
  MP_V8_UNKNOWN = 2, /* there is a V8, but its objects are not laid out as far as we know: every decode answers 0 */
  MP_V8_FUNCTIONS = 3 /* functions decode, without positions */
};
extern _Atomic int mp_v8_state; /* gets worse where the first frames show that the layout is another: v8_selftest.c */

struct mp_v8_version {
  uint16_t major, minor, build; /* 0 while mp_v8_state is MP_V8_NONE */
};
extern struct mp_v8_version mp_v8_version;

/* Finds V8 in this process and learns its layout. Call once, from the constructor; costs one failed symbol lookup where there
 * is no V8. */
void mp_v8_init(void);

/* Decodes the JavaScript frame whose code contains `pc` (a return address: already past the call) and whose frame pointer is
 * `fp`. Meant for frames of JIT code and of V8's embedded builtins, which have no unwind table; calling it for others is safe
 * but may answer nonsense. Writes frame words (wire.h), innermost first: the functions that the optimizer inlined come before
 * the one that it inlined them into. Returns their number, at most max; 0 if this is not a JavaScript frame. */
int mp_v8_decode(uintptr_t pc, uintptr_t fp, uint64_t *frames, int max);

/* Size of the caches of this part, which nothing touches where there is no V8. */
size_t mp_v8_cache_bytes(void);

#define MP_V8_PLACES 32

struct mp_v8_place {
  uintptr_t pc, fp; /* as mp_v8_decode takes them */
};

/* Brings what decoding at most MP_V8_PLACES frames will read into the processor's caches, where a former sample has read it. */
void mp_v8_prefetch(const struct mp_v8_place *places, int count);

/* Forgets everything that refers to the store: call it in a forked child, before its own store is used. */
void mp_v8_forget(void);

#endif
