#include "cfi.h"

#include <string.h>

#include "dwarf_reader.h"

#define MAX_EMPTY 16 /* entries of functions without a byte that are passed over */
#define REMEMBERED 8 /* nesting of DW_CFA_remember_state; compilers use one or two */

struct entry {
  struct mp_dwarf_reader initial, instructions;
  uint64_t code_align;
  int64_t data_align;
  uint8_t pointer_encoding;
  bool signal_frame;
  uintptr_t start, size;
};

/* Length-prefixed record (CIE or FDE) at an address; false when it does not lie in the table. */
static bool open_record(const struct mp_cfi_table *table, uintptr_t at, struct mp_dwarf_reader *reader) {
  if (at < table->start || at >= table->end) return false;
  *reader = (struct mp_dwarf_reader){at, table->end, true};
  uint64_t length = mp_dwarf_fixed(reader, 4);
  if (length == 0xffffffff) length = mp_dwarf_fixed(reader, 8);
  if (!reader->ok || length == 0 || length > table->end - reader->at) return false;
  reader->end = reader->at + length;
  return true;
}

static bool parse_augmentation(struct mp_dwarf_reader *cie, const char *augmentation, struct entry *entry) {
  if (augmentation[0] != 'z') return augmentation[0] == 0;
  uint64_t length = mp_dwarf_uleb(cie);
  if (!cie->ok || length > cie->end - cie->at) return false;
  uintptr_t instructions = cie->at + length;
  for (const char *a = augmentation + 1; *a; a++) {
    if (*a == 'R') entry->pointer_encoding = (uint8_t)mp_dwarf_fixed(cie, 1);
    if (*a == 'L') mp_dwarf_fixed(cie, 1);
    if (*a == 'P') mp_dwarf_pointer(cie, (uint8_t)mp_dwarf_fixed(cie, 1), 0);
    if (*a == 'S') entry->signal_frame = true;
    /* Unknown letters (B on arm64: the other signing key) carry no data that we need; the length skips them. */
  }
  cie->at = instructions;
  return true;
}

static bool parse_cie(const struct mp_cfi_table *table, uintptr_t at, struct entry *entry) {
  struct mp_dwarf_reader cie;
  if (!open_record(table, at, &cie) || mp_dwarf_fixed(&cie, 4) != 0) return false;
  uint64_t version = mp_dwarf_fixed(&cie, 1);
  if (version != 1 && version != 3 && version != 4) return false;
  char augmentation[8] = "";
  size_t length = 0;
  for (uint64_t c; (c = mp_dwarf_fixed(&cie, 1)) != 0 && cie.ok; length++) {
    if (length + 1 >= sizeof augmentation) return false;
    augmentation[length] = (char)c;
  }
  if (version == 4) mp_dwarf_fixed(&cie, 2); /* address and segment size */
  entry->code_align = mp_dwarf_uleb(&cie);
  entry->data_align = mp_dwarf_sleb(&cie);
  if (version == 1) {
    mp_dwarf_fixed(&cie, 1);
  } else {
    mp_dwarf_uleb(&cie);
  }
  if (!cie.ok || !parse_augmentation(&cie, augmentation, entry)) return false;
  entry->initial = cie;
  return cie.ok;
}

static bool parse_fde(const struct mp_cfi_table *table, uintptr_t at, struct entry *entry) {
  struct mp_dwarf_reader fde;
  memset(entry, 0, sizeof *entry);
  if (!open_record(table, at, &fde)) return false;
  uintptr_t pointer_at = fde.at;
  uint64_t back = mp_dwarf_fixed(&fde, 4);
  if (!fde.ok || back == 0 || back > pointer_at - table->start || !parse_cie(table, pointer_at - back, entry))
    return false;
  entry->start = mp_dwarf_pointer(&fde, entry->pointer_encoding, table->hdr);
  entry->size = mp_dwarf_pointer(&fde, entry->pointer_encoding & 0x0f, 0);
  uint64_t augmentation = mp_dwarf_uleb(&fde);
  if (!fde.ok || augmentation > fde.end - fde.at) return false;
  fde.at += augmentation;
  entry->instructions = fde;
  return true;
}

/* Where .eh_frame_hdr has its binary search table: pairs of (function start, FDE), both relative to the header. */
static bool open_pairs(const struct mp_cfi_table *table, const char **pairs, uint64_t *count) {
  struct mp_dwarf_reader header = {table->hdr, table->end, true};
  if (mp_dwarf_fixed(&header, 1) != 1) return false;
  uint8_t frame_encoding = (uint8_t)mp_dwarf_fixed(&header, 1);
  uint8_t count_encoding = (uint8_t)mp_dwarf_fixed(&header, 1);
  uint8_t table_encoding = (uint8_t)mp_dwarf_fixed(&header, 1);
  mp_dwarf_pointer(&header, frame_encoding, table->hdr);
  *count = mp_dwarf_pointer(&header, count_encoding, table->hdr);
  *pairs = (const char *)header.at;
  return header.ok && table_encoding == (MP_DW_EH_PE_DATAREL | MP_DW_EH_PE_SDATA4) &&
         *count <= (table->end - header.at) / 8;
}

static int64_t half_pair(const char *pairs, uint64_t index, size_t half) {
  int32_t value;
  memcpy(&value, pairs + index * 8 + half * 4, 4);
  return value;
}

/* The entry of the function that contains pc. Functions without a byte (an unreachable body, or assembly) have entries, too:
 * one may stand behind that of the real function with the same start. */
static bool find_entry(const struct mp_cfi_table *table, uintptr_t pc, struct entry *entry) {
  const char *pairs;
  uint64_t low = 0, high;
  if (!open_pairs(table, &pairs, &high)) return false;
  int64_t wanted = (int64_t)(pc - table->hdr);
  while (low < high) {
    uint64_t middle = (low + high) / 2;
    if (half_pair(pairs, middle, 0) <= wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (int tries = 0; low-- > 0 && tries < MAX_EMPTY; tries++) {
    if (!parse_fde(table, table->hdr + (uintptr_t)half_pair(pairs, low, 1), entry) || pc < entry->start) return false;
    if (entry->size != 0) return pc - entry->start < entry->size;
  }
  return false;
}

/* --- the instructions --- */

struct machine {
  struct mp_frame_rules *rules;
  const struct mp_frame_rules *initial; /* NULL while the CIE runs */
  const struct entry *entry;
  uintptr_t location, pc, hdr;
  struct mp_frame_rules saved[REMEMBERED];
  int depth;
};

static struct mp_rule *tracked(struct machine *m, uint64_t reg) {
  if (reg == MP_DWARF_FP) return &m->rules->tracked[MP_TRACKED_FP];
  if (reg == MP_DWARF_EXTRA) return &m->rules->tracked[MP_TRACKED_EXTRA];
  if (reg == MP_DWARF_RA) return &m->rules->tracked[MP_TRACKED_RA];
  return NULL;
}

static void set(struct machine *m, uint64_t reg, enum mp_rule_kind kind, int64_t value) {
  struct mp_rule *rule = tracked(m, reg);
  if (rule) *rule = (struct mp_rule){.kind = kind, .value = (int32_t)value};
}

static void restore(struct machine *m, uint64_t reg) {
  struct mp_rule *rule = tracked(m, reg);
  if (rule && m->initial) *rule = m->initial->tracked[rule - m->rules->tracked];
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t value) {
  m->rules->cfa = (struct mp_rule){.kind = MP_RULE_REGISTER, .reg = (uint8_t)reg, .value = (int32_t)value};
}

/* Notes where an expression is (its length comes first) and skips it. */
static int64_t skip_expression(struct machine *m, struct mp_dwarf_reader *r) {
  int64_t where = (int64_t)(r->at - m->hdr);
  uint64_t length = mp_dwarf_uleb(r);
  if (length > r->end - r->at) {
    r->ok = false;
  } else {
    r->at += length;
  }
  return where;
}

/* A factored offset. Unsigned, because a corrupt table may make it overflow. */
static int64_t scaled(const struct machine *m, uint64_t factored) {
  return (int64_t)(factored * (uint64_t)m->entry->data_align);
}

static void advance(struct machine *m, uint64_t delta) { m->location += delta * m->entry->code_align; }

/* One instruction of the extended set; false on an opcode that is not known. */
static bool execute_extended(struct machine *m, struct mp_dwarf_reader *r, uint8_t op) {
  uint64_t reg;
  switch (op) {
    case 0x00: /* nop */ return true;
    case 0x01: /* set_loc */ m->location = mp_dwarf_pointer(r, m->entry->pointer_encoding, m->hdr); return true;
    case 0x02: /* advance_loc1, 2, 4 */ return advance(m, mp_dwarf_fixed(r, 1)), true;
    case 0x03: return advance(m, mp_dwarf_fixed(r, 2)), true;
    case 0x04: return advance(m, mp_dwarf_fixed(r, 4)), true;
    case 0x05: /* offset_extended */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_OFFSET, scaled(m, mp_dwarf_uleb(r))), true;
    case 0x06: /* restore_extended */ return restore(m, mp_dwarf_uleb(r)), true;
    case 0x07: /* undefined */ return set(m, mp_dwarf_uleb(r), MP_RULE_UNDEFINED, 0), true;
    case 0x08: /* same_value */ return set(m, mp_dwarf_uleb(r), MP_RULE_SAME, 0), true;
    case 0x09: /* register: in another register, which we do not follow */
      reg = mp_dwarf_uleb(r);
      mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_UNDEFINED, 0), true;
    case 0x0a: /* remember_state */
      if (m->depth == REMEMBERED) return false;
      m->saved[m->depth++] = *m->rules;
      return true;
    case 0x0b: /* restore_state */
      if (m->depth == 0) return false;
      *m->rules = m->saved[--m->depth];
      return true;
    case 0x0c: /* def_cfa */ reg = mp_dwarf_uleb(r); return set_cfa(m, reg, (int64_t)mp_dwarf_uleb(r)), true;
    case 0x0d: /* def_cfa_register */ return set_cfa(m, mp_dwarf_uleb(r), m->rules->cfa.value), true;
    case 0x0e: /* def_cfa_offset */ return set_cfa(m, m->rules->cfa.reg, (int64_t)mp_dwarf_uleb(r)), true;
    case 0x0f: /* def_cfa_expression */
      m->rules->cfa = (struct mp_rule){.kind = MP_RULE_VALUE_EXPRESSION, .value = (int32_t)skip_expression(m, r)};
      return true;
    case 0x10: /* expression */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_EXPRESSION, skip_expression(m, r)), true;
    case 0x11: /* offset_extended_sf */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_OFFSET, scaled(m, (uint64_t)mp_dwarf_sleb(r))), true;
    case 0x12: /* def_cfa_sf */ reg = mp_dwarf_uleb(r); return set_cfa(m, reg, scaled(m, (uint64_t)mp_dwarf_sleb(r))), true;
    case 0x13: /* def_cfa_offset_sf */ return set_cfa(m, m->rules->cfa.reg, scaled(m, (uint64_t)mp_dwarf_sleb(r))), true;
    case 0x14: /* val_offset */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_VALUE, scaled(m, mp_dwarf_uleb(r))), true;
    case 0x15: /* val_offset_sf */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_VALUE, scaled(m, (uint64_t)mp_dwarf_sleb(r))), true;
    case 0x16: /* val_expression */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_VALUE_EXPRESSION, skip_expression(m, r)), true;
    case 0x2d: /* arm64: the return address changes between signed and plain; stripping does not care */ return true;
    case 0x2e: /* GNU_args_size */ return mp_dwarf_uleb(r), true;
    case 0x2f: /* GNU_negative_offset_extended */
      reg = mp_dwarf_uleb(r);
      return set(m, reg, MP_RULE_OFFSET, scaled(m, 0 - mp_dwarf_uleb(r))), true;
    default: return false;
  }
}

/* Runs the instructions up to pc; false when they cannot be trusted. */
static bool execute(struct machine *m, struct mp_dwarf_reader r) {
  while (r.at < r.end && r.ok) {
    uint8_t op = (uint8_t)mp_dwarf_fixed(&r, 1), low = op & 0x3f;
    if (op >> 6 == 1) {
      advance(m, low);
    } else if (op >> 6 == 2) {
      set(m, low, MP_RULE_OFFSET, scaled(m, mp_dwarf_uleb(&r)));
    } else if (op >> 6 == 3) {
      restore(m, low);
    } else if (!execute_extended(m, &r, op)) {
      return false;
    }
    if (m->location > m->pc) return r.ok;
  }
  return r.ok;
}

bool mp_cfi_find(const struct mp_cfi_table *table, uintptr_t pc, struct mp_frame_rules *rules) {
  struct entry entry;
  if (!find_entry(table, pc, &entry)) return false;

  memset(rules, 0, sizeof *rules);
  rules->base = table->hdr;
  rules->signal_frame = entry.signal_frame;
  rules->tracked[MP_TRACKED_RA].kind = MP_RA_DEFAULT_IS_SAME ? MP_RULE_SAME : MP_RULE_UNDEFINED;
  struct machine m = {.rules = rules, .entry = &entry, .pc = UINTPTR_MAX, .hdr = table->hdr};
  if (!execute(&m, entry.initial)) return false;
  struct mp_frame_rules initial = *rules;
  m.initial = &initial;
  m.location = entry.start;
  m.pc = pc;
  m.depth = 0;
  return execute(&m, entry.instructions) && rules->cfa.kind != MP_RULE_SAME;
}
