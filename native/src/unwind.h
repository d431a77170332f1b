/* The stack of the calling thread as frame words (wire.h): native frames by CFI, JavaScript frames by V8's own layout,
 * and frame-pointer steps through code that has no CFI (JIT code, V8's builtins). */
#ifndef MEMPROF_UNWIND_H
#define MEMPROF_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "wire.h"

struct mp_stack {
  uint64_t frames[MP_MAX_FRAMES]; /* leaf first */
  int count;
  uint32_t flags; /* enum mp_node_flags */
};

/* Walks out from `from`; frames of memprof itself are left out. Async-signal-safe. */
void mp_unwind(struct mp_registers from, struct mp_stack *stack);

#endif
