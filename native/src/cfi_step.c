/* Applying the rules of a frame: DWARF expressions and the step to the caller. */
#include "cfi.h"
#include "dwarf_reader.h"

#define STACK_DEPTH 16

static bool register_value(const struct mp_registers *registers, uint64_t reg, uint64_t *value) {
  if (reg == MP_DWARF_SP) {
    *value = registers->sp;
  } else if (reg == MP_DWARF_FP) {
    *value = registers->fp;
  } else if (reg == MP_DWARF_EXTRA) {
    *value = registers->extra;
  } else if (reg == MP_DWARF_RA) {
    *value = registers->pc;
  } else {
    return false;
  }
  return true;
}

static bool binary(uint8_t op, uint64_t a, uint64_t b, uint64_t *result) {
  switch (op) {
    case 0x1a: return *result = a & b, true;
    case 0x1c: return *result = a - b, true;
    case 0x1e: return *result = a * b, true;
    case 0x21: return *result = a | b, true;
    case 0x22: return *result = a + b, true;
    case 0x24: return *result = b < 64 ? a << b : 0, true;
    case 0x25: return *result = b < 64 ? a >> b : 0, true;
    case 0x27: return *result = a ^ b, true;
    case 0x29: return *result = a == b, true;
    case 0x2a: return *result = (int64_t)a >= (int64_t)b, true;
    case 0x2b: return *result = (int64_t)a > (int64_t)b, true;
    case 0x2c: return *result = (int64_t)a <= (int64_t)b, true;
    case 0x2d: return *result = (int64_t)a < (int64_t)b, true;
    case 0x2e: return *result = a != b, true;
    default: return false;
  }
}

/* The operations that linkers (PLT entries) and C libraries (signal frames, realigned stacks) use. */
static bool evaluate(uintptr_t at, const struct mp_registers *registers, uint64_t cfa, mp_read_word read,
                     uint64_t *result) {
  struct mp_dwarf_reader r = {at, at + 16, true};
  uint64_t length = mp_dwarf_uleb(&r);
  r.end = r.at + length;
  uint64_t stack[STACK_DEPTH] = {cfa};
  int top = 1; /* register rules start with the CFA on the stack; a CFA's own expression does not look at it */
  while (r.ok && r.at < r.end) {
    uint8_t op = (uint8_t)mp_dwarf_fixed(&r, 1);
    uint64_t value;
    if (op == 0x06) { /* deref */
      if (top == 0 || !read(stack[--top], &value)) return false;
    } else if (op >= 0x30 && op <= 0x4f) { /* lit0..31 */
      value = op - 0x30u;
    } else if (op >= 0x70 && op <= 0x8f) { /* breg0..31 */
      if (!register_value(registers, op - 0x70u, &value)) return false;
      value += (uint64_t)mp_dwarf_sleb(&r);
    } else if (op == 0x23) { /* plus_uconst */
      if (top == 0) return false;
      value = stack[--top] + mp_dwarf_uleb(&r);
    } else if (op == 0x10) { /* constu */
      value = mp_dwarf_uleb(&r);
    } else if (op == 0x11) { /* consts */
      value = (uint64_t)mp_dwarf_sleb(&r);
    } else if (op >= 0x08 && op <= 0x0f) { /* const1u, 1s, 2u, 2s, 4u, 4s, 8u, 8s */
      unsigned bytes = 1u << ((op - 0x08u) / 2), unused_bits = 64 - 8 * bytes;
      value = mp_dwarf_fixed(&r, bytes);
      if (op & 1) value = (uint64_t)((int64_t)(value << unused_bits) >> unused_bits);
    } else if (op == 0x12) { /* dup */
      if (top == 0) return false;
      value = stack[top - 1];
    } else {
      if (top < 2 || !binary(op, stack[top - 2], stack[top - 1], &value)) return false;
      top -= 2;
    }
    if (top == STACK_DEPTH) return false;
    stack[top++] = value;
  }
  if (!r.ok || top == 0) return false;
  *result = stack[top - 1];
  return true;
}

static bool apply(const struct mp_frame_rules *rules, const struct mp_rule *rule, const struct mp_registers *registers,
                  uint64_t cfa, mp_read_word read, uint64_t *value) {
  uint64_t where;
  switch (rule->kind) {
    case MP_RULE_SAME: return true; /* *value holds it already */
    case MP_RULE_OFFSET: return read(cfa + (uint64_t)(int64_t)rule->value, value);
    case MP_RULE_VALUE: return *value = cfa + (uint64_t)(int64_t)rule->value, true;
    case MP_RULE_EXPRESSION:
      return evaluate(rules->base + (uintptr_t)(intptr_t)rule->value, registers, cfa, read, &where) &&
             read(where, value);
    case MP_RULE_VALUE_EXPRESSION:
      return evaluate(rules->base + (uintptr_t)(intptr_t)rule->value, registers, cfa, read, value);
    default: return false;
  }
}

/* The CFA where it is told from an sp that is not known (arm64, behind code without a table): the frame pointer points
 * to the frame record, and the rules say where in the frame that is. */
static bool cfa_from_frame_record(const struct mp_frame_rules *rules, const struct mp_registers *registers,
                                  uint64_t *cfa) {
  const struct mp_rule *fp = &rules->tracked[MP_TRACKED_FP], *ra = &rules->tracked[MP_TRACKED_RA];
  if (fp->kind != MP_RULE_OFFSET || ra->kind != MP_RULE_OFFSET || (int64_t)ra->value != (int64_t)fp->value + 8)
    return false;
  *cfa = registers->fp - (uint64_t)(int64_t)fp->value;
  return true;
}

enum mp_step mp_cfi_step(const struct mp_frame_rules *rules, struct mp_registers *registers, mp_read_word read) {
  const struct mp_rule *ra_rule = &rules->tracked[MP_TRACKED_RA];
  if (ra_rule->kind == MP_RULE_UNDEFINED) return MP_STEP_ROOT;
  uint64_t cfa = 0;
  if (!MP_JIT_SP_KNOWN && registers->sp == 0 && rules->cfa.kind == MP_RULE_REGISTER && rules->cfa.reg == MP_DWARF_SP) {
    if (!cfa_from_frame_record(rules, registers, &cfa)) return MP_STEP_LOST;
  } else if (rules->cfa.kind == MP_RULE_REGISTER) {
    if (!register_value(registers, rules->cfa.reg, &cfa)) return MP_STEP_LOST;
    cfa += (uint64_t)(int64_t)rules->cfa.value;
  } else if (!apply(rules, &rules->cfa, registers, 0, read, &cfa)) {
    return MP_STEP_LOST;
  }
  uint64_t ra = registers->pc, fp = registers->fp, extra = registers->extra;
  if (!apply(rules, ra_rule, registers, cfa, read, &ra)) return MP_STEP_LOST;
  /* A lost frame pointer is only a loss if a later frame asks for it. */
  if (!apply(rules, &rules->tracked[MP_TRACKED_FP], registers, cfa, read, &fp)) fp = 0;
  if (!apply(rules, &rules->tracked[MP_TRACKED_EXTRA], registers, cfa, read, &extra)) extra = 0;
  *registers = (struct mp_registers){.pc = mp_strip_pointer(ra), .sp = cfa, .fp = fp, .extra = extra};
  return registers->pc == 0 ? MP_STEP_ROOT : MP_STEP_OK;
}
