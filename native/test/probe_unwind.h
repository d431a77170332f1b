/* Tells code with an unwind table (compiled by a C++ compiler) from code without (V8's builtins and JIT code). */
#ifndef MEMPROF_PROBE_UNWIND_H
#define MEMPROF_PROBE_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

/* True if the code at pc has an entry in its object's .eh_frame_hdr. glibc from 2.35. */
bool probe_has_unwind_table(uintptr_t pc);

#endif
