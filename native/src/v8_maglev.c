/* Frames of code compiled by Maglev, as V8's own stack traces see them: by translation (v8_translation.c).
 *
 * Maglev's position table is of little use: in loops that it peels it stays at the loop's head, and at some calls it misses
 * functions that were inlined there. Its deoptimization data are right, as V8 could not go back to the interpreter otherwise.
 *
 *   [0]                                  the translations, one byte array
 *   [deopt_literals - 1]                 literals that lie in the trusted space: bytecode arrays
 *   [deopt_literals]                     literals: SharedFunctionInfos
 *   [deopt_inlining_positions + 4 + 3 i] of the i-th deoptimization: bytecode offset, start of its translation, pc of its exit */
#include "store.h"
#include "v8_internal.h"
#include "v8_objects.h"

#define ARRAY_DATA 16
#define SAFEPOINT_HEADER 16

static bool read_element(uint64_t array, int index, uint64_t *out) {
  return index >= 0 && read_field(array, ARRAY_DATA + 8 * index, out);
}

static int find_deopt_index(const struct mp_v8_code *code, uint32_t pc_offset) {
  uintptr_t table = code->start + code->bytes;
  if (!mp_peek_range(table, SAFEPOINT_HEADER)) return -1;
  size_t bytes = mp_v8_safepoint_bytes((const uint8_t *)table);
  return bytes && mp_peek_range(table, bytes) ? mp_v8_deopt_index((const uint8_t *)table, pc_offset) : -1;
}

static int read_translated(const struct mp_v8_code *code, int deopt, struct mp_v8_translated_frame *translated) {
  uint64_t start, word;
  const uint8_t *bytes;
  size_t size;
  int entry = mp_v8_layout.deopt_inlining_positions + 4 + 3 * deopt;
  if (!read_element(code->deopt, entry + 1, &start) || !is_smi(start) || smi_value(start) < 0) return 0;
  if (!read_element(code->deopt, 0, &word) || !mp_v8_byte_array(word, &bytes, &size)) return 0;
  return mp_v8_read_translation(bytes, size, (size_t)smi_value(start), translated, MP_V8_MAX_INLINED);
}

static uint32_t position_in(uint64_t trusted_literals, const struct mp_v8_translated_frame *frame, uint32_t function) {
  uint64_t array;
  if (!read_element(trusted_literals, frame->bytecodes_literal, &array)) return 0;
  array = follow_forwarding(array);
  if (!array || !mp_v8_is_bytecode_array(array)) return 0;
  return mp_v8_bytecode_position(function, array, frame->bytecode_offset < 0 ? 0 : frame->bytecode_offset);
}

int mp_v8_maglev_frames(const struct mp_v8_code *code, uintptr_t pc, uint32_t index, uint64_t *frames, int max) {
  struct mp_v8_translated_frame translated[MP_V8_MAX_INLINED];
  uint64_t literals, trusted_literals;
  if (!mp_v8_layout.translations) return 0;
  int deopt = find_deopt_index(code, (uint32_t)(pc - code->start));
  int count = deopt < 0 ? 0 : read_translated(code, deopt, translated);
  if (count == 0 || count > max || !read_element(code->deopt, mp_v8_layout.deopt_literals, &literals) ||
      !read_element(code->deopt, mp_v8_layout.deopt_literals - 1, &trusted_literals)) {
    return 0;
  }
  for (int i = 0; i < count; i++) {
    const struct mp_v8_translated_frame *frame = &translated[count - 1 - i];
    bool outermost = i == count - 1;
    uint32_t function = mp_v8_literal_function(literals, frame->shared_literal);
    if (function == MP_NONE || (outermost && function != index)) return 0;
    uint32_t position = position_in(trusted_literals, frame, function);
    frames[i] = mp_v8_frame_word(function, position, outermost ? 0 : MP_FRAME_JS_INLINED);
  }
  return count;
}
