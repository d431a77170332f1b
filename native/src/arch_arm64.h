/* arm64, AAPCS64. Tested under emulation (qemu), never on hardware. */
#ifndef MEMPROF_ARCH_ARM64_H
#define MEMPROF_ARCH_ARM64_H

#include <stdint.h>

#define MP_ARCH MP_ARCH_ARM64

#define MP_DWARF_FP 29
#define MP_DWARF_SP 31
#define MP_DWARF_EXTRA 19
#define MP_DWARF_RA 30

#define MP_RA_DEFAULT_IS_SAME 1 /* a leaf keeps its return address in x30 */
/* A frame record does not tell where sp was: behind a frame-pointer step it is unknown (0). Every function that saves
 * the return address has a frame record, so the next one with a table is left by x29 instead. */
#define MP_JIT_SP_KNOWN 0
#define MP_USER_ADDRESS_BITS 48

struct mp_registers {
  uintptr_t pc, sp, fp, extra;
};

static inline __attribute__((always_inline)) void mp_registers_here(struct mp_registers *r) {
  __asm__ volatile(
      "adr %0, .\n\t"
      "mov %1, sp\n\t"
      "mov %2, x29\n\t"
      "mov %3, x19"
      : "=r"(r->pc), "=r"(r->sp), "=r"(r->fp), "=r"(r->extra));
}

/* Drops a pointer authentication code: hint 7 is XPACLRI, which works on x30 and is a no-op on older cores. */
static inline uintptr_t mp_strip_pointer(uintptr_t address) {
  register uintptr_t x30 __asm__("x30") = address;
  __asm__("hint #7" : "+r"(x30));
  return x30;
}

static inline uintptr_t mp_thread_pointer(void) {
  uintptr_t pointer;
  __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
  return pointer;
}

static inline void mp_cpu_relax(void) { __asm__ volatile("yield"); }

#endif
