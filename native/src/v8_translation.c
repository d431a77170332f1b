/* Where a call in Maglev's code is, for V8 itself: the way back to the interpreter. Pure functions over bytes; fuzzed by
 * native/test/v8_translation_test.c. V8 13.6 and 14.6 agree on all of this.
 *
 * Behind the code follows its safepoint table, one entry a call:
 *
 *   0             4        8               12              16
 *   +-------------+--------+---------------+---------------+------- entries of equal size, by rising pc -------------------+
 *   | stack slots | length | configuration | tagged slots  | pc | deopt index + 1 | pc of exit + 1 | spills | registers ... |
 *   +-------------+--------+---------------+---------------+---------------------------------------------------------------+
 * A frame that waits to be deoptimized returns to the exit, not to pc.
 *   configuration: bit 0 has deopt index and exit, 1-3 bytes of registers, 4-6 bytes of a pc, 7-9 bytes of a deopt index
 *
 * The deopt index leads to a translation: instructions that rebuild the interpreter's frames, outermost first. Each is a byte
 * and its operands, as VLQ numbers (signed ones: the sign is bit 0). Those that are equal to the instruction at the same place
 * of an earlier translation are left out, and only counted.
 *
 *   begin                 how far back the earlier translation is, frames, frames of JavaScript functions
 *   interpreted frame     bytecode offset, literal of the function, literal of its bytecodes, registers, ...
 *   builtin continuation  entry, literal of the function, registers: a builtin with a frame, such as map, in mid-call
 *   match n               n instructions as before; with n small a byte of its own, above all instructions */
#include <string.h>

#include "v8_internal.h"

enum instruction {
  INTERPRETED_WITH_RETURN = 0,
  INTERPRETED = 1,
  BUILTIN_CONTINUATION = 2,
  BUILTIN_CONTINUATION_WITH_CATCH = 3,
  BEGIN_WITHOUT_FEEDBACK = 14,
  BEGIN_WITH_FEEDBACK = 15,
  MATCH = 44,
  INSTRUCTION_COUNT = 45 /* v8_bytecode_sizes.c knows their operands */
};
_Static_assert(sizeof mp_v8_translation_operands == INSTRUCTION_COUNT, "one each");

#define MAX_OPERANDS 6

struct reader {
  const uint8_t *cursor, *end;
};

/* Reads an instruction with its operands; its number, or -1 at the end and for what is none. Shortened matches count as MATCH. */
static int next_instruction(struct reader *reader, uint64_t operands[MAX_OPERANDS]) {
  if (reader->cursor >= reader->end) return -1;
  int instruction = *reader->cursor++;
  if (instruction >= INSTRUCTION_COUNT) {
    operands[0] = (uint64_t)(instruction - INSTRUCTION_COUNT);
    return MATCH;
  }
  for (int i = 0; i < mp_v8_translation_operands[instruction]; i++) {
    if (!mp_v8_read_varint(&reader->cursor, reader->end, &operands[i])) return -1;
  }
  return instruction;
}

static bool is_begin(int instruction) {
  return instruction == BEGIN_WITHOUT_FEEDBACK || instruction == BEGIN_WITH_FEEDBACK;
}

static int32_t signed_operand(uint64_t operand) {
  return (operand & 1) || operand > UINT32_MAX ? -1 : (int32_t)(operand >> 1);
}

/* Only the first frames of more than max are written. */
int mp_v8_read_translation(const uint8_t *bytes, size_t size, size_t start, struct mp_v8_translated_frame *frames,
                           int max) {
  uint64_t operands[MAX_OPERANDS], matched = 0;
  if (start >= size) return 0;
  struct reader own = {bytes + start, bytes + size};
  if (!is_begin(next_instruction(&own, operands)) || operands[0] > start) return 0;
  int wanted = signed_operand(operands[2]), count = 0;
  struct reader earlier = {bytes + start - operands[0], bytes + start};
  if (operands[0] > 0 && !is_begin(next_instruction(&earlier, operands))) return 0;
  if (wanted > max) wanted = max;

  while (count < wanted) {
    int instruction;
    if (matched > 0) {
      matched--;
      instruction = next_instruction(&earlier, operands);
      if (instruction == MATCH) return 0; /* the earlier one is never shortened itself */
    } else {
      instruction = next_instruction(&own, operands);
      if (instruction == MATCH) {
        matched = operands[0];
        continue;
      }
      uint64_t unused[MAX_OPERANDS];
      next_instruction(&earlier, unused);
    }
    if (instruction < 0 || is_begin(instruction)) return 0;
    if (instruction == INTERPRETED || instruction == INTERPRETED_WITH_RETURN) {
      frames[count++] = (struct mp_v8_translated_frame){signed_operand(operands[0]), signed_operand(operands[1]),
                                                        signed_operand(operands[2])};
    } else if (instruction == BUILTIN_CONTINUATION || instruction == BUILTIN_CONTINUATION_WITH_CATCH) {
      frames[count++] = (struct mp_v8_translated_frame){-1, signed_operand(operands[1]), -1};
    }
  }
  return count;
}

static uint32_t read_bytes(const uint8_t *at, unsigned bytes) {
  uint32_t value = 0;
  memcpy(&value, at, bytes);
  return value;
}

#define SAFEPOINT_HEADER 16
#define MAX_SAFEPOINTS (1u << 20)

struct safepoint_format {
  uint32_t length;
  unsigned pc_bytes, index_bytes, entry_bytes;
};

static bool read_format(const uint8_t header[SAFEPOINT_HEADER], struct safepoint_format *format) {
  uint32_t configuration = read_bytes(header + 8, 4);
  unsigned registers = configuration >> 1 & 7, pc_bytes = configuration >> 4 & 7, index_bytes = configuration >> 7 & 7;
  *format = (struct safepoint_format){read_bytes(header + 4, 4), pc_bytes, index_bytes,
                                      2 * pc_bytes + index_bytes + 1 + registers};
  return (configuration & 1) && format->length <= MAX_SAFEPOINTS && registers <= 4 && pc_bytes - 1 < 4 && index_bytes - 1 < 4;
}

size_t mp_v8_safepoint_bytes(const uint8_t header[SAFEPOINT_HEADER]) {
  struct safepoint_format format;
  if (!read_format(header, &format)) return 0;
  return SAFEPOINT_HEADER + (size_t)format.length * format.entry_bytes;
}

int mp_v8_deopt_index(const uint8_t *table, uint32_t pc_offset) {
  struct safepoint_format format;
  if (!read_format(table, &format)) return -1;
  const uint8_t *entry = table + SAFEPOINT_HEADER;
  for (uint32_t i = 0; i < format.length; i++, entry += format.entry_bytes) {
    uint32_t index = read_bytes(entry + format.pc_bytes, format.index_bytes);
    if (index == 0 || index > INT32_MAX) continue; /* a call that cannot deoptimize */
    uint32_t exit = read_bytes(entry + format.pc_bytes + format.index_bytes, format.pc_bytes) - 1;
    if (read_bytes(entry, format.pc_bytes) == pc_offset || exit == pc_offset) return (int)index - 1;
  }
  return -1;
}
