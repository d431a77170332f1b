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
 * In optimized code the lower slots hold anything. No tier says which one it is: a BytecodeArray beside a Smi is taken for the
 * interpreter, the rest is looked up by pc (v8_code.c). */
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

static bool read_slots(uintptr_t fp, struct frame_slots *slots) {
  if ((fp & 7) != 0 || fp < FRAME_BYTES_BELOW || !mp_peek_stack_range(fp - FRAME_BYTES_BELOW, FRAME_BYTES_BELOW)) return false;
  memcpy(slots, (const void *)(fp - FRAME_BYTES_BELOW), sizeof *slots);
  return is_pointer(slots->context) && is_pointer(slots->function);
}

/* Position + 1 of an interpreted frame. False if the frame is not the interpreter's. */
static bool interpreted_position(const struct frame_slots *slots, uint32_t function, uint32_t *position_plus_1) {
  uint64_t offset = slots->bytecode_offset;
  if (!is_smi(offset) || smi_value(offset) <= 0) return false;
  uint64_t array = follow_forwarding(slots->bytecode_array);
  if (!array || !mp_v8_is_bytecode_array(array)) return false;
  /* The offset counts from the tagged pointer. */
  *position_plus_1 = mp_v8_bytecode_position(function, array, smi_value(offset) - (mp_v8_layout.bytecode_data - 1));
  return true;
}

static int unknown_frame(void) {
  mp_count(MP_UNKNOWN_JS_FRAMES, 1);
  return 0;
}

int mp_v8_decode(uintptr_t pc, uintptr_t fp, uint64_t *frames, int max) {
  struct frame_slots slots;
  uint64_t shared;
  uint32_t position_plus_1;
  if (mp_v8_state == MP_V8_NONE || max < 1 || !read_slots(fp, &slots)) return 0;
  if (mp_v8_state == MP_V8_UNKNOWN) return unknown_frame();

  uint64_t function = follow_forwarding(slots.function);
  if (!function || !read_field(function, mp_v8_layout.function_shared, &shared)) return unknown_frame();
  struct mp_v8_function found = mp_v8_find_function(shared);
  if (found.index == MP_NONE) return unknown_frame();

  if (!mp_v8_layout.positions || !found.has_source) {
    frames[0] = mp_v8_frame_word(found.index, 0, 0);
    return 1;
  }
  if (interpreted_position(&slots, found.index, &position_plus_1)) {
    frames[0] = mp_v8_frame_word(found.index, position_plus_1, 0);
    return 1;
  }
  return mp_v8_code_frames(pc, function, found.index, frames, max);
}

void mp_v8_forget(void) {
  if (mp_v8_state == MP_V8_NONE) return;
  mp_v8_forget_functions();
  mp_v8_forget_positions();
  mp_v8_forget_code();
}
