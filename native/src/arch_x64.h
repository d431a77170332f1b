/* x86-64, System V ABI. */
#ifndef MEMPROF_ARCH_X64_H
#define MEMPROF_ARCH_X64_H

#include <stdint.h>

#define MP_ARCH MP_ARCH_X64

/* DWARF register numbers. The extra register is the one other callee-saved register that real CFI computes a CFA from
 * (_dl_runtime_resolve: CFA = rbx). */
#define MP_DWARF_FP 6
#define MP_DWARF_SP 7
#define MP_DWARF_EXTRA 3
#define MP_DWARF_RA 16

#define MP_RA_DEFAULT_IS_SAME 0 /* without a rule the return address is not to be found */
#define MP_JIT_SP_KNOWN 1       /* after a frame-pointer step: sp = fp + 16 */
#define MP_USER_ADDRESS_BITS 47

struct mp_registers {
  uintptr_t pc, sp, fp, extra;
};

/* The registers here, in the function this is inlined into: the unwinder leaves our own frames by their own CFI. */
static inline __attribute__((always_inline)) void mp_registers_here(struct mp_registers *r) {
  __asm__ volatile(
      "leaq 0(%%rip), %0\n\t"
      "movq %%rsp, %1\n\t"
      "movq %%rbp, %2\n\t"
      "movq %%rbx, %3"
      : "=r"(r->pc), "=r"(r->sp), "=r"(r->fp), "=r"(r->extra));
}

static inline uintptr_t mp_strip_pointer(uintptr_t address) { return address; }

/* Tells threads apart. Not of the C library, which may not be ready. */
static inline uintptr_t mp_thread_pointer(void) {
  uintptr_t pointer;
  __asm__("movq %%fs:0, %0" : "=r"(pointer));
  return pointer;
}

static inline void mp_cpu_relax(void) { __asm__ volatile("pause"); }

#endif
