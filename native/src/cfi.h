/* Call frame information: from a program counter to the rules that recover the caller's registers.
 *
 * Written from the DWARF 5 specification (chapter 6.4) and the Linux Standard Base's description of .eh_frame and
 * .eh_frame_hdr. Only the registers that leave a frame are followed: the frame pointer, one more callee-saved register,
 * and the return address. */
#ifndef MEMPROF_CFI_H
#define MEMPROF_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"

enum mp_rule_kind {
  MP_RULE_SAME,       /* unchanged */
  MP_RULE_UNDEFINED,  /* lost; of the return address: this frame has no caller */
  MP_RULE_OFFSET,     /* saved at CFA + value */
  MP_RULE_VALUE,      /* equals CFA + value */
  MP_RULE_EXPRESSION, /* saved where the expression at base + value says */
  MP_RULE_VALUE_EXPRESSION,
  MP_RULE_REGISTER /* CFA only: register + value */
};

enum mp_tracked { MP_TRACKED_FP, MP_TRACKED_EXTRA, MP_TRACKED_RA, MP_TRACKED_COUNT };

struct mp_rule {
  uint8_t kind;
  uint8_t reg; /* DWARF number, of MP_RULE_REGISTER */
  int32_t value;
};

struct mp_frame_rules {
  uintptr_t base; /* expressions are relative to it: the table's start */
  struct mp_rule cfa;
  struct mp_rule tracked[MP_TRACKED_COUNT];
  bool signal_frame; /* pc is that of the interrupted instruction, not behind a call */
};

/* An object's unwind table in memory: [hdr, end), where .eh_frame and everything it points to lie below `end` and at or
 * above `start`. */
struct mp_cfi_table {
  uintptr_t hdr, start, end;
};

/* The rules at pc; false when the table has no (usable) entry for it. Reads nothing outside [start, end). */
bool mp_cfi_find(const struct mp_cfi_table *table, uintptr_t pc, struct mp_frame_rules *rules);

/* One step out of a frame. `read` reads a word of the stack, false when it cannot. */
enum mp_step { MP_STEP_OK, MP_STEP_ROOT, MP_STEP_LOST };
typedef bool (*mp_read_word)(uintptr_t address, uint64_t *word);
enum mp_step mp_cfi_step(const struct mp_frame_rules *rules, struct mp_registers *registers, mp_read_word read);

#endif
