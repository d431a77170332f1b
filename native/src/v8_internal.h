/* What the files v8_*.c share. Nothing else includes this.
 *
 *   v8_frame.c ----> v8_code.c ------> v8_maglev.c -----> v8_translation.c     machine code -> functions and positions
 *       |   |            |                 |
 *       |   +-------> v8_bytecode.c <------+------------> v8_position.c          byte code -> positions
 *       |                |
 *       +----------> v8_function.c ---> v8_strings.c                             SharedFunctionInfo -> struct mp_function
 *       +----------> v8_selftest.c                                               is it so?
 *                        |                 |
 *                    v8_objects.h  <-------+                                      tagged words, type tags, forwarding
 *                        |
 *                    v8_layout.c                           offsets, per version
 */
#ifndef MEMPROF_V8_INTERNAL_H
#define MEMPROF_V8_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* ---- v8_layout.c */

/* How source position tables are encoded; see v8_position.c. */
enum mp_v8_position_format {
  MP_V8_POSITIONS_SIGNED,  /* up to 13.x: the sign of the code offset's delta tells statements from expressions */
  MP_V8_POSITIONS_FLAGGED  /* 14.x: two flag bits below an unsigned delta */
};

/* Offsets are in bytes from the start of an object, that is from its tagged pointer - 1; -1 where a version has none. */
struct mp_v8_layout {
  /* From the exported symbols: enough for functions. */
  int map_instance_type;
  int function_shared;
  int shared_name_or_scope_info, shared_script, shared_length;
  int script_name, script_id;
  int string_length, string_chars, cons_first, cons_second, sliced_parent, sliced_offset, thin_actual;
  int string_not_mask, string_one_byte_mask, string_representation_mask;
  int scope_info_local_count, scope_info_first_vars; /* indices of words, not bytes */
  int type_function, type_shared, type_scope_info, type_script;

  /* Also from there, for current positions. */
  int type_bytecode_array, type_code, type_instruction_stream;
  int type_byte_array, type_trusted_byte_array, type_shared_wrapper;
  int bytecode_data;
  int deopt_literals, deopt_inlining_positions; /* indices of elements */
  int kind_baseline;

  /* From our table of versions. */
  enum mp_v8_position_format position_format;
  int function_code; /* -1: the JSFunction holds a dispatch handle instead */
  int bytecode_positions;
  int code_deopt, code_positions, code_stream, code_start, code_flags, code_size;
  bool translations; /* v8_translation.c knows their instructions */
  const uint8_t *bytecode_sizes; /* three tables of bytecode_count: operands of single, double, quadruple width */
  size_t bytecode_count;
};
extern struct mp_v8_layout mp_v8_layout;

/* ---- v8_bytecode_sizes.c */

/* Sizes of all bytecodes of V8 major.minor, laid out like V8's own table; NULL if we have none. */
const uint8_t *mp_v8_bytecode_sizes(int major, int minor, size_t *count);

/* ---- v8_strings.c */

/* Copies a JavaScript string as UTF-8, cut at a character's boundary where `capacity` ends. Returns bytes written, 0 if it is
 * no string or cannot be read. Not terminated. */
size_t mp_v8_copy_string(uint64_t string, char *out, size_t capacity);

/* ---- v8_function.c */

/* A SharedFunctionInfo is read at once, so far: all fields that we use lie in there, or the layout is unknown. */
#define MP_V8_SHARED_BYTES 64

/* What a frame has to know about its function. */
struct mp_v8_function {
  uint32_t index;   /* in the store; MP_NONE if it did not decode */
  bool has_source;  /* false for builtins and WebAssembly: they have no positions */
  int32_t start, end; /* source range in UTF-16 units; -1 if unknown */
};

/* Interns the function behind a SharedFunctionInfo. Cached. */
struct mp_v8_function mp_v8_find_function(uint64_t shared);

/* ---- v8_position.c: pure functions over bytes */

bool mp_v8_read_varint(const uint8_t **cursor, const uint8_t *end, uint64_t *value);

/* The encoded SourcePosition in force at a code offset; 0 (position unknown, not inlined) before the first entry. */
uint64_t mp_v8_position_at(const uint8_t *table, size_t bytes, int64_t code_offset, enum mp_v8_position_format format);

/* Whether there is an entry for exactly this code offset. */
bool mp_v8_has_position(const uint8_t *table, size_t bytes, int64_t code_offset, enum mp_v8_position_format format);

/* Offset of the bytecode whose baseline code contains pc_offset; -1 if unknown. */
int64_t mp_v8_baseline_bytecode_offset(const uint8_t *lengths, size_t lengths_bytes, const uint8_t *bytecodes,
                                       size_t bytecodes_bytes, uint64_t pc_offset, const uint8_t *sizes, size_t count);

/* An encoded SourcePosition.
 *   63      47 46          31 30                 1  0
 *   +---------+--------------+--------------------+----------+
 *   | unused  | inlining + 1 | script offset + 1  | external |
 *   +---------+--------------+--------------------+----------+ */
static inline uint32_t mp_v8_script_offset_plus_1(uint64_t position) {
  return (position & 1) ? 0 : (uint32_t)(position >> 1) & 0x3fffffff;
}
static inline uint32_t mp_v8_inlining_plus_1(uint64_t position) {
  return (uint32_t)(position >> 31) & 0xffff;
}

/* ---- v8_bytecode.c */

/* Start and size of a byte array's contents, checked to be readable. */
bool mp_v8_byte_array(uint64_t array, const uint8_t **data, size_t *bytes);

bool mp_v8_is_bytecode_array(uint64_t object);

/* Position + 1 at an offset into the bytecodes of a function, 0 if unknown. Cached. */
uint32_t mp_v8_bytecode_position(uint32_t function, uint64_t bytecode_array, int64_t offset);

/* Whether the table of positions has an entry for exactly this offset. Not cached. */
bool mp_v8_has_bytecode_position(uint64_t bytecode_array, int64_t offset);

/* ---- v8_translation.c: pure functions over bytes */

struct mp_v8_translated_frame {
  int32_t bytecode_offset;    /* -1: the function's entry, or no bytecodes */
  int32_t shared_literal;     /* index of the function's SharedFunctionInfo */
  int32_t bytecodes_literal;  /* index of its bytecodes; -1: a builtin */
};

extern const uint8_t mp_v8_translation_operands[45];

/* The JavaScript frames of the translation that starts at `start`, outermost first; their number, 0 if it is malformed. */
int mp_v8_read_translation(const uint8_t *bytes, size_t size, size_t start, struct mp_v8_translated_frame *frames,
                           int max);

/* Size in bytes of the safepoint table with this header; 0 if it is none, or one without deoptimization data. */
size_t mp_v8_safepoint_bytes(const uint8_t header[16]);

/* The deoptimization of the call that returns to pc_offset, or that waits at the exit there; -1 if there is none. `table` has
 * the size that mp_v8_safepoint_bytes tells. */
int mp_v8_deopt_index(const uint8_t *table, uint32_t pc_offset);

/* ---- v8_code.c */

#define MP_V8_CODE_BYTES 60 /* of a Code, where the fields are that we read, in every version */

struct mp_v8_code {
  uint64_t object; /* tagged Code */
  uintptr_t start;
  uint64_t positions, deopt;
  uint32_t bytes, kind;
};

/* The store's index of the function that a literal of deoptimization data stands for; MP_NONE if it stands for none. */
uint32_t mp_v8_literal_function(uint64_t literals, int32_t literal);

/* Reads a Code; false unless it was compiled at run time and contains pc. */
bool mp_v8_read_code(uint64_t object, uintptr_t pc, struct mp_v8_code *code);

/* Finds the Code that was compiled at run time and contains pc, in a frame of the JSFunction `function`. */
bool mp_v8_find_code(uintptr_t pc, uint64_t function, struct mp_v8_code *code);

/* No more functions than this are told apart at one pc, the outermost included. */
#define MP_V8_MAX_INLINED 17

/* Writes the frame words of a Code at pc, in a frame of the function `index`; their number, 1 to MP_V8_MAX_INLINED. */
int mp_v8_decode_code(const struct mp_v8_code *code, uintptr_t pc, uint32_t index, uint64_t *frames);

/* ---- v8_code_cache.c */

/* Frame words of the code compiled at run time that contains pc, for a frame of the JSFunction `function` whose store index is
 * `index`. Their number; 0 if there is no such code at pc. Cached. */
int mp_v8_code_frames(uintptr_t pc, uint64_t function, uint32_t index, uint64_t *frames, int max);

/* The Code that was last found at pc, or one whose pc shares its entry; 0 if none. To be fetched, not to be trusted. */
uint64_t mp_v8_cached_code(uintptr_t pc);

/* ---- what v8_prefetch.c asks the caches for */
void mp_v8_prefetch_cached_code(uintptr_t pc);
void mp_v8_prefetch_cached_function(uint64_t shared);

/* ---- v8_maglev.c */

/* Frame words at pc of Maglev's code, in a frame of the function `index`; 0 if its deoptimization data do not tell. */
int mp_v8_maglev_frames(const struct mp_v8_code *code, uintptr_t pc, uint32_t index, uint64_t *frames, int max);

/* ---- the caches: their sizes, and forgetting store indices in a forked child (v8.h) */
extern const size_t mp_v8_function_cache_bytes, mp_v8_position_cache_bytes, mp_v8_code_cache_bytes;
void mp_v8_forget_functions(void);
void mp_v8_forget_positions(void);
void mp_v8_forget_code(void);

/* ---- v8_selftest.c */

/* The verdicts on the first frames, each different one once: with too many failures mp_v8_state gets worse. For lines: whether
 * that is to be feared. */
void mp_v8_judge_function(uint64_t function, bool decoded);
bool mp_v8_judge_line(uint64_t word, bool right);
bool mp_v8_testing_lines(void);

/* ---- v8_frame.c */

#define MP_V8_FUNCTION_BELOW_FP 16 /* where a frame has its JSFunction */

static inline uint64_t mp_v8_frame_word(uint32_t function, uint32_t position_plus_1, uint64_t flags) {
  return MP_FRAME_JS | flags | (uint64_t)function << 32 | position_plus_1;
}

/* ---- verification: tests compile with MEMPROF_VERIFY, and each cache hit is then decoded anew and compared. In the middle
 * of a collection the new decode may be the torn one, so a difference must show twice: a cache that is wrong stays wrong. */
#ifdef MEMPROF_VERIFY
extern _Atomic uint64_t mp_v8_verified, mp_v8_mismatched;
#define VERIFY(same) ((void)mp_v8_verified++, (void)((same) || (same) ? 0 : mp_v8_mismatched++))
#else
#define VERIFY(same) ((void)0)
#endif

#endif
