/* Learns where V8 keeps things.
 *
 * Most offsets are exported by Node as integers named v8dbg_*, in every version, flags or not. What is not exported is in a
 * table of versions below, and guarded: where a symbol says otherwise, or where there is no row for the version, frames
 * decode to functions without current positions. */
#include "symbols.h"
#include "v8.h"
#include "v8_internal.h"

_Atomic int mp_v8_state = MP_V8_NONE;
struct mp_v8_version mp_v8_version;
struct mp_v8_layout mp_v8_layout;

#define L mp_v8_layout

enum need { FUNCTIONS, POSITIONS };

struct symbol {
  int *target;
  enum need need;
  const char *names[3]; /* spellings of different versions */
};

static const struct symbol SYMBOLS[] = {
  {&L.map_instance_type, FUNCTIONS, {"v8dbg_class_Map__instance_type__uint16_t"}},
  {&L.function_shared, FUNCTIONS, {"v8dbg_class_JSFunction__shared__SharedFunctionInfo"}},
  {&L.shared_name_or_scope_info, FUNCTIONS, {"v8dbg_class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_",
                                             "v8dbg_class_SharedFunctionInfo__name_or_scope_info__Tagged_Object_",
                                             "v8dbg_class_SharedFunctionInfo__name_or_scope_info__Object"}},
  {&L.shared_script, FUNCTIONS, {"v8dbg_class_SharedFunctionInfo__script__Tagged_HeapObject_",
                                 "v8dbg_class_SharedFunctionInfo__script_or_debug_info__HeapObject"}},
  {&L.shared_length, FUNCTIONS, {"v8dbg_class_SharedFunctionInfo__length__uint16_t"}},
  {&L.script_name, FUNCTIONS, {"v8dbg_class_Script__name__Object"}},
  {&L.string_length, FUNCTIONS, {"v8dbg_class_String__length__int32_t"}},
  {&L.string_chars, FUNCTIONS, {"v8dbg_class_SeqOneByteString__chars__char"}},
  {&L.cons_first, FUNCTIONS, {"v8dbg_class_ConsString__first__String"}},
  {&L.cons_second, FUNCTIONS, {"v8dbg_class_ConsString__second__String"}},
  {&L.sliced_parent, FUNCTIONS, {"v8dbg_class_SlicedString__parent__String"}},
  {&L.sliced_offset, FUNCTIONS, {"v8dbg_class_SlicedString__offset__SMI"}},
  {&L.thin_actual, FUNCTIONS, {"v8dbg_class_ThinString__actual__String"}},
  {&L.string_not_mask, FUNCTIONS, {"v8dbg_IsNotStringMask"}},
  {&L.string_one_byte_mask, FUNCTIONS, {"v8dbg_StringEncodingMask"}},
  {&L.string_representation_mask, FUNCTIONS, {"v8dbg_StringRepresentationMask"}},
  {&L.scope_info_local_count, FUNCTIONS, {"v8dbg_scopeinfo_idx_ncontextlocals"}},
  {&L.scope_info_first_vars, FUNCTIONS, {"v8dbg_scopeinfo_idx_first_vars"}},
  {&L.type_function, FUNCTIONS, {"v8dbg_type_JSFunction__JS_FUNCTION_TYPE"}},
  {&L.type_shared, FUNCTIONS, {"v8dbg_type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE"}},
  {&L.type_scope_info, FUNCTIONS, {"v8dbg_type_ScopeInfo__SCOPE_INFO_TYPE"}},
  {&L.type_script, FUNCTIONS, {"v8dbg_type_Script__SCRIPT_TYPE"}},

  {&L.type_bytecode_array, POSITIONS, {"v8dbg_type_BytecodeArray__BYTECODE_ARRAY_TYPE"}},
  {&L.type_code, POSITIONS, {"v8dbg_type_Code__CODE_TYPE"}},
  {&L.type_byte_array, POSITIONS, {"v8dbg_type_ByteArray__BYTE_ARRAY_TYPE"}},
  {&L.type_instruction_stream, POSITIONS, {"v8dbg_type_InstructionStream__INSTRUCTION_STREAM_TYPE"}},
  {&L.bytecode_data, POSITIONS, {"v8dbg_class_BytecodeArray__data__uintptr_t"}},
  {&L.deopt_literals, POSITIONS, {"v8dbg_DeoptimizationDataLiteralArrayIndex"}},
  {&L.deopt_inlining_positions, POSITIONS, {"v8dbg_DeoptimizationDataInliningPositionsIndex"}},
  {&L.kind_baseline, POSITIONS, {"v8dbg_CodeKindBaseline"}},
};

/* Code objects and what else no symbol tells. Offsets in bytes. A Code is followed through these fields:
 *
 *            deopt data | positions | ... | instruction stream | instruction start | flags, size
 *   V8 11.3     16          24                    32                   40             48, 56
 *   V8 12.4      8          16                    32                   40             48, 52
 *   V8 13.6      8          16                    32                   40             52, 56
 *   V8 14.6      8          16                    32                   40             52, 56
 */
struct version_row {
  int major, minor;
  enum mp_v8_position_format position_format;
  int function_code, bytecode_positions;
  int code_deopt, code_positions, code_stream, code_start, code_flags, code_size;
  bool translations;
};

static const struct version_row VERSIONS[] = {
  {11, 3, MP_V8_POSITIONS_SIGNED, 48, 32, 16, 24, 32, 40, 48, 56, false},
  {12, 4, MP_V8_POSITIONS_SIGNED, 24, 24, 8, 16, 32, 40, 48, 52, false},
  {13, 6, MP_V8_POSITIONS_SIGNED, -1, 24, 8, 16, 32, 40, 52, 56, true},
  {14, 6, MP_V8_POSITIONS_FLAGGED, -1, 24, 8, 16, 32, 40, 52, 56, true},
};

/* What newer versions export of the table above: it must agree. */
struct guard {
  const int *expected;
  const char *name;
};

static const struct guard GUARDS[] = {
  {&L.code_start, "v8dbg_class_Code__instruction_start__Address"},
  {&L.code_stream, "v8dbg_class_Code__instruction_stream__Tagged_InstructionStream_"},
  {&L.code_flags, "v8dbg_class_Code__flags__uint32_t"},
  {&L.code_size, "v8dbg_class_Code__instruction_size__int"},
  {&L.code_positions, "v8dbg_class_Code__source_position_table__ByteArray"},
  {&L.code_deopt, "v8dbg_class_Code__deoptimization_data__FixedArray"},
  {&L.function_code, "v8dbg_class_JSFunction__code__Tagged_Code_"},
};

/* Facts about tagging and frames that the code takes for granted: a V8 with pointer compression fails here. */
struct assumption {
  int value;
  const char *name;
};

static const struct assumption ASSUMPTIONS[] = {
  {31, "v8dbg_SmiShiftSize"},    {1, "v8dbg_HeapObjectTag"},           {-8, "v8dbg_off_fp_context"},
  {-16, "v8dbg_off_fp_function"}, {-32, "v8dbg_off_fp_bytecode_array"}, {-40, "v8dbg_off_fp_bytecode_offset"},
  {1, "v8dbg_ConsStringTag"},    {3, "v8dbg_SlicedStringTag"},         {5, "v8dbg_ThinStringTag"},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool look_up(const char *name, int *value) {
  const int *symbol = mp_symbol(name);
  if (!symbol) return false;
  *value = *symbol;
  return true;
}

static bool look_up_spellings(const struct symbol *symbol) {
  for (size_t i = 0; i < COUNT(symbol->names) && symbol->names[i]; i++) {
    if (look_up(symbol->names[i], symbol->target)) return true;
  }
  *symbol->target = -1;
  return false;
}

static void read_version(void) {
  int major = 0, minor = 0, build = 0;
  look_up("_ZN2v88internal7Version6major_E", &major);
  look_up("_ZN2v88internal7Version6minor_E", &minor);
  look_up("_ZN2v88internal7Version6build_E", &build);
  mp_v8_version = (struct mp_v8_version){(uint16_t)major, (uint16_t)minor, (uint16_t)build};
}

static const struct version_row *find_version(void) {
  for (size_t i = 0; i < COUNT(VERSIONS); i++) {
    if (VERSIONS[i].major == mp_v8_version.major && VERSIONS[i].minor == mp_v8_version.minor) return &VERSIONS[i];
  }
  return NULL;
}

static bool learn_positions(bool symbols_complete) {
  const struct version_row *row = find_version();
  if (!row || !symbols_complete) return false;
  L.position_format = row->position_format;
  L.function_code = row->function_code;
  L.bytecode_positions = row->bytecode_positions;
  L.code_deopt = row->code_deopt;
  L.code_positions = row->code_positions;
  L.code_stream = row->code_stream;
  L.code_start = row->code_start;
  L.code_flags = row->code_flags;
  L.code_size = row->code_size;
  L.translations = row->translations;
  L.bytecode_sizes = mp_v8_bytecode_sizes(row->major, row->minor, &L.bytecode_count);
  /* Byte arrays of code moved to the trusted space in 12.x, with a type of their own. */
  if (!look_up("v8dbg_type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE", &L.type_trusted_byte_array)) {
    L.type_trusted_byte_array = L.type_byte_array;
  }
  /* Literals of optimized code hold SharedFunctionInfos through a wrapper since 13.x. */
  if (!look_up("v8dbg_type_SharedFunctionInfoWrapper__SHARED_FUNCTION_INFO_WRAPPER_TYPE", &L.type_shared_wrapper)) {
    L.type_shared_wrapper = -2; /* no instance type, not even the absent one */
  }
  for (size_t i = 0; i < COUNT(GUARDS); i++) {
    int actual;
    if (look_up(GUARDS[i].name, &actual) && actual != *GUARDS[i].expected) return false;
  }
  return true;
}

void mp_v8_init(void) {
  /* The one lookup that a process without V8 pays for: part of the public API, in every V8 that exports anything. */
  if (!mp_symbol("_ZN2v82V810GetVersionEv")) return;
  read_version();
  mp_v8_state = MP_V8_UNKNOWN;

  bool functions = mp_v8_version.major != 0, positions = true;
  for (size_t i = 0; i < COUNT(ASSUMPTIONS); i++) {
    int actual;
    if (!look_up(ASSUMPTIONS[i].name, &actual) || actual != ASSUMPTIONS[i].value) functions = false;
  }
  for (size_t i = 0; i < COUNT(SYMBOLS); i++) {
    if (look_up_spellings(&SYMBOLS[i])) continue;
    if (SYMBOLS[i].need == FUNCTIONS) functions = false;
    positions = false;
  }
  bool fits = L.shared_length <= MP_V8_SHARED_BYTES - 16 && L.shared_script <= MP_V8_SHARED_BYTES - 8 &&
              L.shared_name_or_scope_info <= MP_V8_SHARED_BYTES - 8;
  if (!functions || !fits) return;
  /* Script: ..., line_ends, id: the id's own symbol is missing. */
  int line_ends;
  L.script_id = look_up("v8dbg_class_Script__line_ends__Object", &line_ends) ? line_ends + 8 : -1;
  mp_v8_state = learn_positions(positions) ? MP_V8_KNOWN : MP_V8_FUNCTIONS;
}
