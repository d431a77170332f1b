/* From a return address in machine code to source positions, through the functions that were inlined there.
 *
 *   Code      0     ...  code_deopt    code_positions   ...  code_stream   code_start   code_flags   code_size
 *             Map        deopt data    position table        code's body   its address  kind, ...    in bytes
 *
 *   baseline: deopt data is the BytecodeArray, the position table a baseline offset table (v8_position.c)
 *   Maglev, TurboFan: deopt data is an array whose elements are themselves arrays:
 *
 *     [deopt_literals]             objects; those that are SharedFunctionInfos are what was inlined
 *     [deopt_inlining_positions]   16 bytes each:   0          8                    12     16
 *                                                   | position | literal of the function | unused |
 *
 * The position table gives a position with an inlining number. Entry number - 1 tells which function that position is in,
 * and at which position, with the next inlining number, it was inlined.
 *
 * How the Code of an address is found: the JSFunction points to its newest Code (V8 to 12.4), which mostly is it. Otherwise
 * (old code still on the stack, loops that were replaced on the fly, newer V8) we walk back from the address to the start of
 * the instruction stream, which is an object in V8's heap as well, and whose first words lead to its Code. */
#include "store.h"
#include "v8_internal.h"
#include "v8_objects.h"
#include "v8_seqlock.h"

#define KIND_MASK 15u
#define ARRAY_DATA 16
#define INLINING_BYTES 16
#define EXIT_BYTES 4
#define MAX_EXITS 65536
/* V8 places code in chunks of this size and alignment; a walk never leaves its chunk. */
#define CHUNK_MASK 0x3fffful
#define STREAM_HEADER_WORDS 8

static _Atomic uint64_t code_map, stream_map;

bool mp_v8_read_code(uint64_t object, uintptr_t pc, struct mp_v8_code *code) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  char copy[MP_V8_CODE_BYTES];
  uint64_t map, stream;
  uint32_t flags;
  if (!read_object(object, copy, sizeof copy)) return false;
  memcpy(&map, copy, sizeof map);
  if (!is_map_of(map, layout->type_code, &code_map)) {
    if (!(object = follow_forwarding(object)) || !read_object(object, copy, sizeof copy)) return false;
    memcpy(&map, copy, sizeof map);
    if (!is_map_of(map, layout->type_code, &code_map)) return false;
  }
  memcpy(&code->start, copy + layout->code_start, 8);
  memcpy(&code->positions, copy + layout->code_positions, 8);
  memcpy(&code->deopt, copy + layout->code_deopt, 8);
  memcpy(&stream, copy + layout->code_stream, 8);
  memcpy(&code->bytes, copy + layout->code_size, 4);
  memcpy(&flags, copy + layout->code_flags, 4);
  code->object = object;
  code->kind = flags & KIND_MASK;
  if (code->kind < (uint32_t)layout->kind_baseline) return false; /* a builtin */
  if (pc <= code->start || pc - code->start > code->bytes) return false;
  mp_peek_remember(field(object, 0), MP_V8_CODE_BYTES);
  if (RELAXED_LOAD(stream_map) == 0 && is_pointer(stream) && read_field(stream, 0, &map)) {
    is_map_of(map, layout->type_instruction_stream, &stream_map);
  }
  return true;
}

static bool is_stream_map(uint64_t word) {
  uint64_t known = RELAXED_LOAD(stream_map);
  return known ? word == known : is_map_of(word, mp_v8_layout.type_instruction_stream, &stream_map);
}

static bool walk_back(uintptr_t pc, struct mp_v8_code *code) {
  uintptr_t lowest = pc & ~CHUNK_MASK, page = UINTPTR_MAX;
  for (uintptr_t at = pc & ~7ul; at >= lowest; at -= 8) {
    uint64_t word;
    if ((at & ~4095ul) != page) {
      page = at & ~4095ul;
      if (!mp_peek_range(page, 4096)) return false;
    }
    memcpy(&word, (const void *)at, sizeof word);
    if (!is_stream_map(word)) continue;
    for (int i = 1; i < STREAM_HEADER_WORDS; i++) {
      if (mp_peek_u64(at + 8 * (uintptr_t)i, &word) && is_pointer(word) && mp_v8_read_code(word, pc, code)) {
        mp_peek_remember(at, pc - at);
        return true;
      }
    }
    return false;
  }
  return false;
}

bool mp_v8_find_code(uintptr_t pc, uint64_t function, struct mp_v8_code *code) {
  uint64_t object;
  int offset = mp_v8_layout.function_code;
  if (offset >= 0 && read_field(function, offset, &object) && mp_v8_read_code(object, pc, code)) return true;
  return walk_back(pc, code);
}

static int baseline_frame(const struct mp_v8_code *code, uintptr_t pc, uint32_t index, uint64_t *frames) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  const uint8_t *lengths;
  size_t lengths_bytes;
  uint64_t bytecodes_bytes;
  int64_t offset = -1;
  uint64_t array = follow_forwarding(code->deopt);
  if (layout->bytecode_sizes && array && mp_v8_is_bytecode_array(array) && read_field(array, 8, &bytecodes_bytes) &&
      mp_v8_byte_array(code->positions, &lengths, &lengths_bytes)) {
    const uint8_t *bytecodes = (const uint8_t *)field(array, layout->bytecode_data);
    size_t bytes = (size_t)(bytecodes_bytes >> 32);
    if (is_smi(bytecodes_bytes) && bytes < 1 << 24 && mp_peek_range((uintptr_t)bytecodes, bytes)) {
      offset = mp_v8_baseline_bytecode_offset(lengths, lengths_bytes, bytecodes, bytes, pc - code->start,
                                              layout->bytecode_sizes, layout->bytecode_count);
    }
  }
  frames[0] = mp_v8_frame_word(index, offset < 0 ? 0 : mp_v8_bytecode_position(index, array, offset), 0);
  return 1;
}

/* Where the code at pc was called from, if this is a frame that waits to be deoptimized: then V8 has replaced its return
 * address by that of an exit, 4 bytes of code each, and the n-th entry of the deoptimization data has the original one.
 *
 *   [deopt_inlining_positions + 1]             offset of the first exit
 *   [deopt_inlining_positions + 4 + 3 n + 2]   offset of the original return address */
static uint64_t original_pc_offset(const struct mp_v8_code *code, uint64_t pc_offset) {
  uint64_t word;
  int first = mp_v8_layout.deopt_inlining_positions + 1;
  if (!read_field(code->deopt, ARRAY_DATA + 8 * first, &word) || !is_smi(word)) return pc_offset;
  if (smi_value(word) <= 0) return pc_offset;
  uint64_t exits = (uint64_t)smi_value(word);
  if (pc_offset < exits || pc_offset - exits > MAX_EXITS * EXIT_BYTES) return pc_offset;
  int exit = (int)((pc_offset - exits) / EXIT_BYTES);
  if (!read_field(code->deopt, ARRAY_DATA + 8 * (first + 3 + 3 * exit + 2), &word) || !is_smi(word)) return pc_offset;
  return smi_value(word) > 0 && (uint64_t)smi_value(word) < exits ? (uint64_t)smi_value(word) : pc_offset;
}

uint32_t mp_v8_literal_function(uint64_t literals, int32_t literal) {
  uint64_t shared;
  if (literal < 0 || !read_field(literals, ARRAY_DATA + 8 * literal, &shared)) return MP_NONE;
  shared = (shared & ~3ull) | 1; /* literals may be weak */
  if (instance_type(shared) == mp_v8_layout.type_shared_wrapper && !read_field(shared, 8, &shared)) return MP_NONE;
  return mp_v8_find_function(shared).index;
}

static bool is_maglev(const struct mp_v8_code *code) {
  return code->kind == (uint32_t)mp_v8_layout.kind_baseline + 1;
}

/* By position table: exact for TurboFan, so so for Maglev. */
static int optimized_frames(const struct mp_v8_code *code, uintptr_t pc, uint32_t index, uint64_t *frames) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  uint64_t approximate = is_maglev(code) ? MP_FRAME_JS_APPROX : 0;
  const uint8_t *table, *inlinings = NULL;
  size_t table_bytes, inlinings_bytes = 0;
  uint64_t position = 0, literals = 0, word;
  int n = 0;
  if (mp_v8_byte_array(code->positions, &table, &table_bytes)) {
    int64_t call = (int64_t)original_pc_offset(code, pc - code->start) - 1;
    position = mp_v8_position_at(table, table_bytes, call, layout->position_format);
  }
  if (!read_field(code->deopt, ARRAY_DATA + 8 * layout->deopt_literals, &literals) ||
      !read_field(code->deopt, ARRAY_DATA + 8 * layout->deopt_inlining_positions, &word) ||
      !mp_v8_byte_array(word, &inlinings, &inlinings_bytes)) {
    inlinings_bytes = 0;
  }
  for (uint32_t inlining = mp_v8_inlining_plus_1(position); inlining != 0;) {
    uint64_t call;
    int32_t literal;
    if (n == MP_V8_MAX_INLINED - 1 || (size_t)inlining * INLINING_BYTES > inlinings_bytes) {
      position = 0; /* it is in an inlined function, not in ours */
      break;
    }
    memcpy(&call, inlinings + (inlining - 1) * INLINING_BYTES, sizeof call);
    memcpy(&literal, inlinings + (inlining - 1) * INLINING_BYTES + 8, sizeof literal);
    uint32_t inlined = mp_v8_literal_function(literals, literal);
    /* Without a function it is a builtin that was inlined: the call in its caller says enough. */
    if (inlined != MP_NONE) {
      frames[n++] = mp_v8_frame_word(inlined, mp_v8_script_offset_plus_1(position), MP_FRAME_JS_INLINED | approximate);
    }
    /* A function is inlined before what is inlined into it: numbers fall, or the data is torn. */
    position = mp_v8_inlining_plus_1(call) < inlining ? call : 0;
    inlining = mp_v8_inlining_plus_1(position);
  }
  frames[n++] = mp_v8_frame_word(index, mp_v8_script_offset_plus_1(position), approximate);
  return n;
}

int mp_v8_decode_code(const struct mp_v8_code *code, uintptr_t pc, uint32_t index, uint64_t *frames) {
  if (code->kind == (uint32_t)mp_v8_layout.kind_baseline) return baseline_frame(code, pc, index, frames);
  int n = is_maglev(code) ? mp_v8_maglev_frames(code, pc, index, frames, MP_V8_MAX_INLINED) : 0;
  return n > 0 ? n : optimized_frames(code, pc, index, frames);
}
