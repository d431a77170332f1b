/* A bounded cursor over DWARF data: a read beyond the end yields 0 and clears `ok`. */
#ifndef MEMPROF_DWARF_READER_H
#define MEMPROF_DWARF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mp_dwarf_reader {
  uintptr_t at, end;
  bool ok;
};

enum {
  MP_DW_EH_PE_SDATA4 = 0x0b,
  MP_DW_EH_PE_PCREL = 0x10,
  MP_DW_EH_PE_DATAREL = 0x30,
  MP_DW_EH_PE_INDIRECT = 0x80,
  MP_DW_EH_PE_OMIT = 0xff
};

static inline uint64_t mp_dwarf_fixed(struct mp_dwarf_reader *r, size_t bytes) {
  uint64_t value = 0;
  if (!r->ok || r->at > r->end || r->end - r->at < bytes) {
    r->ok = false;
    return 0;
  }
  memcpy(&value, (const void *)r->at, bytes); /* little endian, as all our processors are */
  r->at += bytes;
  return value;
}

static inline uint64_t mp_dwarf_leb(struct mp_dwarf_reader *r, bool is_signed) {
  uint64_t value = 0, byte;
  unsigned shift = 0;
  do {
    byte = mp_dwarf_fixed(r, 1);
    if (shift < 64) value |= (byte & 0x7f) << shift;
    shift += 7;
  } while ((byte & 0x80) && r->ok);
  if (is_signed && shift < 64 && (byte & 0x40)) value |= ~0ull << shift;
  return value;
}

static inline uint64_t mp_dwarf_uleb(struct mp_dwarf_reader *r) { return mp_dwarf_leb(r, false); }

static inline int64_t mp_dwarf_sleb(struct mp_dwarf_reader *r) { return (int64_t)mp_dwarf_leb(r, true); }

/* A pointer in one of the encodings of .eh_frame. `data` is the base of data-relative ones. Indirect pointers
 * (personality routines) are skipped, not followed. */
static inline uintptr_t mp_dwarf_pointer(struct mp_dwarf_reader *r, uint8_t encoding, uintptr_t data) {
  static const uint8_t SIZE[16] = {8, 0, 2, 4, 8, 0, 0, 0, 8, 0, 2, 4, 8, 0, 0, 0};
  if (encoding == MP_DW_EH_PE_OMIT) return 0;
  uintptr_t here = r->at, value;
  uint8_t format = encoding & 0x0f;
  if (format == 1) {
    value = mp_dwarf_uleb(r);
  } else if (format == 9) {
    value = (uintptr_t)mp_dwarf_sleb(r);
  } else if (SIZE[format] == 0) {
    r->ok = false;
    return 0;
  } else {
    value = mp_dwarf_fixed(r, SIZE[format]);
    unsigned unused_bits = 64 - 8u * SIZE[format];
    if (format & 8) value = (uintptr_t)((int64_t)(value << unused_bits) >> unused_bits);
  }
  if (value == 0) return 0;
  if ((encoding & 0x70) == MP_DW_EH_PE_PCREL) return value + here;
  if ((encoding & 0x70) == MP_DW_EH_PE_DATAREL) return value + data;
  return value;
}

#endif
