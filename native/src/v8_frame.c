/* From a frame to its function, and from there to where the function is.
 *
 * Every JavaScript frame looks like this, whichever tier its code is of:
 *
 *   fp + 8    return address into the caller
 *   fp        the caller's fp
 *   fp - 8    Context; frames that are no JavaScript function's have a Smi here, their frame type
 *   fp - 16   JSFunction
 *   fp - 24   argument count
 *   fp - 32   BytecodeArray                      interpreter and baseline
 *   fp - 40   offset into it, a Smi              interpreter only (baseline: feedback)
 *
 * In optimized code the lower slots hold anything, and in a loop that was optimized while it ran (on-stack replacement) they
 * still hold what the interpreter left there. So a frame is the interpreter's if these slots say so and pc is in no code that
 * was compiled at run time: it returns into the interpreter's entry, one of V8's builtins. */
#include "store.h"
#include "v8.h"
#include "v8_internal.h"
#include "v8_objects.h"

#define FRAME_BYTES_BELOW 40

#ifdef MEMPROF_VERIFY
_Atomic uint64_t mp_v8_verified, mp_v8_mismatched;
#endif

struct frame_slots {
  uint64_t bytecode_offset, bytecode_array, argument_count, function, context;
};
_Static_assert(sizeof(struct frame_slots) == FRAME_BYTES_BELOW, "slots");
_Static_assert(offsetof(struct frame_slots, function) == FRAME_BYTES_BELOW - MP_V8_FUNCTION_BELOW_FP, "slots");

static bool read_slots(uintptr_t fp, struct frame_slots *slots) {
  uintptr_t lowest = fp - FRAME_BYTES_BELOW;
  if ((fp & 7) != 0 || !mp_peek_stack_range(lowest, FRAME_BYTES_BELOW)) return false;
  memcpy(slots, (const void *)lowest, sizeof *slots);
  return is_pointer(slots->context) && is_pointer(slots->function);
}

/* The BytecodeArray of a frame that looks interpreted, else 0. */
static uint64_t bytecodes_of(const struct frame_slots *slots) {
  if (!is_smi(slots->bytecode_offset) || smi_value(slots->bytecode_offset) <= 0) return 0;
  uint64_t array = follow_forwarding(slots->bytecode_array);
  return array && mp_v8_is_bytecode_array(array) ? array : 0;
}

/* The few addresses in builtins that interpreted frames return to. Builtins stay where they are. */
#define BUILTIN_ENTRIES 64
static _Atomic uintptr_t builtin_pcs[BUILTIN_ENTRIES];

static _Atomic uintptr_t *builtin_entry(uintptr_t pc) {
  return &builtin_pcs[(pc * 0x9e3779b97f4a7c15ull) >> 58];
}

/* The offset counts from the tagged pointer. */
static int64_t bytecode_offset(const struct frame_slots *slots) {
  return (int64_t)smi_value(slots->bytecode_offset) - (mp_v8_layout.bytecode_data - 1);
}

/* Counts a frame whose slots do hold objects, and so would be a function's. Hand-written assembly may hold anything. */
static int unknown_frame(const struct frame_slots *slots) {
  if (!follow_forwarding(slots->context) || !follow_forwarding(slots->function)) return 0;
  mp_count(MP_UNKNOWN_JS_FRAMES, 1);
  mp_v8_judge_function(slots->function, false);
  return 0;
}

/* A position outside the function is none; one that the table has not for this very bytecode is approximate as long as the
 * layout is in doubt. `array` has the bytecodes of an interpreted frame, else 0. */
static uint64_t checked(uint64_t word, const struct mp_v8_function *function, const struct frame_slots *slots,
                        uint64_t array) {
  int64_t position = (int64_t)(uint32_t)word - 1;
  bool inside = position >= function->start && position <= function->end;
  if (mp_v8_testing_lines()) {
    bool exact = inside && (!array || mp_v8_has_bytecode_position(array, bytecode_offset(slots)));
    bool doubtful = mp_v8_judge_line(word, exact);
    if (inside && !exact && doubtful) {
      mp_count(MP_APPROX_JS_LINES, 1);
      return word | MP_FRAME_JS_APPROX;
    }
  }
  return inside ? word : word & ~(uint64_t)UINT32_MAX;
}

int mp_v8_decode(uintptr_t pc, uintptr_t fp, uint64_t *frames, int max) {
  struct frame_slots slots;
  uint64_t shared;
  if (mp_v8_state == MP_V8_NONE || max < 1 || !read_slots(fp, &slots)) return 0;
  if (mp_v8_state == MP_V8_UNKNOWN) return unknown_frame(&slots);

  uint64_t function = follow_forwarding(slots.function);
  if (!function || !read_field(function, mp_v8_layout.function_shared, &shared)) return unknown_frame(&slots);
  struct mp_v8_function found = mp_v8_find_function(shared);
  if (found.index == MP_NONE) return unknown_frame(&slots);

  mp_peek_remember(field(function, 0), (size_t)mp_v8_layout.function_shared + 8);
  mp_v8_judge_function(slots.function, true);
  if (mp_v8_state == MP_V8_FUNCTIONS || !found.has_source) {
    frames[0] = mp_v8_frame_word(found.index, 0, 0);
    return 1;
  }
  /* Compiled code first: what its frames have in the interpreter's slots may be stale, and is better not followed. */
  bool builtin = atomic_load_explicit(builtin_entry(pc), memory_order_relaxed) == pc;
  int n = builtin ? 0 : mp_v8_code_frames(pc, function, found.index, frames, max);
  if (n > 0) {
    if (n < max) frames[n - 1] = checked(frames[n - 1], &found, &slots, 0); /* else the outermost was cut off */
    return n;
  }
  frames[0] = mp_v8_frame_word(found.index, 0, 0);
  uint64_t array = bytecodes_of(&slots);
  if (array) {
    atomic_store_explicit(builtin_entry(pc), pc, memory_order_relaxed);
    frames[0] |= mp_v8_bytecode_position(found.index, array, bytecode_offset(&slots));
    frames[0] = checked(frames[0], &found, &slots, array);
  }
  return 1;
}

/* The caches are cleared where something is in them, so that a child does not get a copy of their empty pages. */
size_t mp_v8_cache_bytes(void) {
  return mp_v8_function_cache_bytes + mp_v8_position_cache_bytes + mp_v8_code_cache_bytes;
}

void mp_v8_forget(void) {
  if (mp_v8_state == MP_V8_NONE) return;
  mp_v8_forget_functions();
  mp_v8_forget_positions();
  mp_v8_forget_code();
}
