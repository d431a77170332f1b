/* JavaScript strings to UTF-8, whatever they are made of.
 *
 * A string's instance type says how it is stored. Sequential strings hold their characters, one byte (Latin-1) or two
 * (UTF-16) each. Cons strings are the sum of two, sliced strings a part of a parent, thin strings a reference to an
 * internalized one. External strings keep their characters outside the heap, behind a C++ object: these are given up. */
#include "v8_internal.h"
#include "v8_objects.h"

/* Values of the representation bits of a string's instance type. */
enum representation { SEQUENTIAL = 0, CONS = 1, EXTERNAL = 2, SLICED = 3, THIN = 5 };

#define MAX_LENGTH (1u << 24)
#define MAX_DEPTH 12 /* cons strings nest; names and paths do not nest deeper */

struct sink {
  char *out;
  size_t capacity, size;
  uint32_t high_surrogate; /* waiting for its other half; 0 for none */
  bool full;
};

static void put_code_point(struct sink *sink, uint32_t c) {
  uint8_t bytes[4];
  size_t n;
  if (c < 0x80) {
    bytes[0] = (uint8_t)c;
    n = 1;
  } else if (c < 0x800) {
    bytes[0] = (uint8_t)(0xc0 | c >> 6);
    bytes[1] = (uint8_t)(0x80 | (c & 63));
    n = 2;
  } else if (c < 0x10000) {
    bytes[0] = (uint8_t)(0xe0 | c >> 12);
    bytes[1] = (uint8_t)(0x80 | (c >> 6 & 63));
    bytes[2] = (uint8_t)(0x80 | (c & 63));
    n = 3;
  } else {
    bytes[0] = (uint8_t)(0xf0 | c >> 18);
    bytes[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    bytes[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    bytes[3] = (uint8_t)(0x80 | (c & 63));
    n = 4;
  }
  if (sink->size + n > sink->capacity) {
    sink->full = true;
    return;
  }
  memcpy(sink->out + sink->size, bytes, n);
  sink->size += n;
}

static void put_utf16(struct sink *sink, uint32_t unit) {
  uint32_t high = sink->high_surrogate;
  sink->high_surrogate = 0;
  if (high && (unit & 0xfc00) == 0xdc00) {
    put_code_point(sink, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
    return;
  }
  if (high) put_code_point(sink, 0xfffd);
  if ((unit & 0xfc00) == 0xd800) {
    sink->high_surrogate = unit;
    return;
  }
  put_code_point(sink, (unit & 0xfc00) == 0xdc00 ? 0xfffd : unit);
}

static bool put_sequential(uint64_t string, bool one_byte, uint32_t skip, uint32_t take, struct sink *sink) {
  size_t width = one_byte ? 1 : 2;
  uintptr_t chars = field(string, mp_v8_layout.string_chars) + skip * width;
  /* No more is read than fits: a unit makes at least one byte. */
  if (take > sink->capacity - sink->size) take = (uint32_t)(sink->capacity - sink->size) + 1;
  if (!mp_peek_range(chars, take * width)) return false;
  for (uint32_t i = 0; i < take && !sink->full; i++) {
    uint16_t unit = 0;
    memcpy(&unit, (const char *)chars + i * width, width);
    put_utf16(sink, unit);
  }
  return true;
}

/* Appends units [skip, skip + take) of a string. False if a part of it could not be read. */
static bool put_string(uint64_t string, uint32_t skip, uint32_t take, struct sink *sink, int depth) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  if (take == 0 || sink->full) return true;
  if (depth > MAX_DEPTH || !(string = follow_forwarding(string))) return false;
  int type = instance_type(string);
  uint32_t length;
  if (type < 0 || (type & layout->string_not_mask)) return false;
  if (!read_field_u32(string, layout->string_length, &length) || length > MAX_LENGTH || skip > length) return false;
  if (take > length - skip) take = length - skip;

  uint64_t part, second;
  switch (type & layout->string_representation_mask) {
    case SEQUENTIAL:
      return put_sequential(string, type & layout->string_one_byte_mask, skip, take, sink);
    case THIN:
      return read_field(string, layout->thin_actual, &part) && put_string(part, skip, take, sink, depth + 1);
    case SLICED:
      if (!read_field(string, layout->sliced_parent, &part)) return false;
      if (!read_field(string, layout->sliced_offset, &second) || !is_smi(second)) return false;
      if (smi_value(second) < 0 || (uint32_t)smi_value(second) > MAX_LENGTH) return false;
      return put_string(part, skip + (uint32_t)smi_value(second), take, sink, depth + 1);
    case CONS: {
      uint32_t first_length;
      if (!read_field(string, layout->cons_first, &part) || !(part = follow_forwarding(part))) return false;
      if (!read_field(string, layout->cons_second, &second)) return false;
      if (!read_field_u32(part, layout->string_length, &first_length)) return false;
      uint32_t from_first = skip < first_length ? first_length - skip : 0;
      if (from_first > take) from_first = take;
      if (!put_string(part, skip, from_first, sink, depth + 1)) return false;
      uint32_t skip_second = skip > first_length ? skip - first_length : 0;
      return put_string(second, skip_second, take - from_first, sink, depth + 1);
    }
    default:
      return false;
  }
}

size_t mp_v8_copy_string(uint64_t string, char *out, size_t capacity) {
  struct sink sink = {.out = out, .capacity = capacity};
  put_string(string, 0, MAX_LENGTH, &sink, 0);
  return sink.size;
}
