/* Source position tables and baseline offset tables: pure functions over bytes, fuzzed by native/test/v8_position_test.c.
 *
 * Both are sequences of VLQ numbers, seven bits a byte, low bits first, the high bit of a byte saying that more follow.
 *
 * A source position table has two numbers an entry, both relative to the entry before: the offset into the code, and the
 * position. The code offsets start at -1, which stands for the function's entry.
 *
 *   signed (V8 11 to 13)    zigzag delta; a statement's is delta >= 0, an expression's is -delta - 1
 *   flagged (V8 14)         delta << 2 | flag << 1 | is_statement, unsigned
 *
 * then in both the zigzag delta of the encoded SourcePosition (v8_internal.h draws it).
 *
 * A baseline offset table has one number for each bytecode: the size of its machine code, unsigned. The first is that of the
 * prologue. */
#include "v8_internal.h"

bool mp_v8_read_varint(const uint8_t **cursor, const uint8_t *end, uint64_t *value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && *cursor < end; shift += 7) {
    uint8_t byte = *(*cursor)++;
    result |= (uint64_t)(byte & 127) << shift;
    if (!(byte & 128)) {
      *value = result;
      return true;
    }
  }
  return false;
}

/* 0, -1, 1, -2, ... from 0, 1, 2, 3, ...; unsigned, so that hostile sums wrap instead of overflowing. */
static uint64_t zigzag(uint64_t value) {
  return (value >> 1) ^ (0 - (value & 1));
}

static uint64_t code_delta(uint64_t number, enum mp_v8_position_format format) {
  if (format == MP_V8_POSITIONS_FLAGGED) return number >> 2;
  uint64_t delta = zigzag(number);
  return (int64_t)delta >= 0 ? delta : ~delta; /* ~delta == -delta - 1 */
}

uint64_t mp_v8_position_at(const uint8_t *table, size_t bytes, int64_t code_offset, enum mp_v8_position_format format) {
  const uint8_t *cursor = table, *end = table + bytes;
  uint64_t offset = 0 - 1ull, position = 0, number;
  while (mp_v8_read_varint(&cursor, end, &number)) {
    offset += code_delta(number, format);
    if ((int64_t)offset > code_offset || !mp_v8_read_varint(&cursor, end, &number)) break;
    position += zigzag(number);
  }
  return position;
}

bool mp_v8_has_position(const uint8_t *table, size_t bytes, int64_t code_offset, enum mp_v8_position_format format) {
  const uint8_t *cursor = table, *end = table + bytes;
  uint64_t offset = 0 - 1ull, number, position;
  while ((int64_t)offset < code_offset && mp_v8_read_varint(&cursor, end, &number) &&
         mp_v8_read_varint(&cursor, end, &position)) {
    offset += code_delta(number, format);
  }
  return (int64_t)offset == code_offset;
}

/* Bytecodes that widen the operands of the one after them: their own size is one byte. */
enum prefix { WIDE = 0, EXTRA_WIDE = 1, DEBUG_WIDE = 2, DEBUG_EXTRA_WIDE = 3 };

/* Size of the bytecode at `offset` with its prefix; 0 if it does not lie within the array. */
static size_t bytecode_size(const uint8_t *bytecodes, size_t bytes, size_t offset, const uint8_t *sizes, size_t count) {
  if (offset >= bytes) return 0;
  uint8_t opcode = bytecodes[offset];
  size_t prefix = 0, scale = 0;
  if (opcode <= DEBUG_EXTRA_WIDE) {
    scale = opcode == WIDE || opcode == DEBUG_WIDE ? 1 : 2;
    prefix = 1;
    if (offset + 1 >= bytes) return 0;
    opcode = bytecodes[offset + 1];
  }
  if (opcode >= count) return 0;
  size_t size = sizes[scale * count + opcode];
  return size == 0 ? 0 : prefix + size;
}

int64_t mp_v8_baseline_bytecode_offset(const uint8_t *lengths, size_t lengths_bytes, const uint8_t *bytecodes,
                                       size_t bytecodes_bytes, uint64_t pc_offset, const uint8_t *sizes, size_t count) {
  const uint8_t *cursor = lengths, *end = lengths + lengths_bytes;
  uint64_t code_end, length;
  size_t current = 0, next = 0;
  if (!mp_v8_read_varint(&cursor, end, &code_end)) return -1;
  while (code_end < pc_offset && mp_v8_read_varint(&cursor, end, &length)) {
    size_t size = bytecode_size(bytecodes, bytecodes_bytes, next, sizes, count);
    if (size == 0) return -1;
    code_end += length;
    current = next;
    next += size;
  }
  return (int64_t)current;
}
