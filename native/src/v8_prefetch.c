/* Fetches what the frames of a stack lead to, before they are decoded one after the other.
 *
 * In a program that works between two samples nothing of this is in the processor's caches any more, and a frame is a chain of
 * five objects: slots on the stack, JSFunction, SharedFunctionInfo, Script, and Code. So all frames take each step of the
 * chain side by side: the processor waits for the slowest, not for one after the other. Only what a former sample found readable
 * is followed here; whatever it leads to, nothing comes of it but a prefetch. */
#include "v8.h"
#include "v8_internal.h"
#include "v8_objects.h"

/* The first `bytes` of an object, at most a cache line and so at most two of them. */
static void prefetch(uint64_t object, int bytes) {
  __builtin_prefetch((const void *)field(object, 0));
  __builtin_prefetch((const void *)field(object, bytes - 1));
}

/* The pointer in a field of an object that was read before, else 0. */
static uint64_t pointer_in(uint64_t object, int offset) {
  uint64_t word;
  if (!is_pointer(object) || !mp_peek_remembered(field(object, offset), sizeof word)) return 0;
  memcpy(&word, (const void *)field(object, offset), sizeof word);
  return is_pointer(word) ? word : 0;
}

static uint64_t function_of(const struct mp_v8_place *place) {
  uintptr_t slot = place->fp - MP_V8_FUNCTION_BELOW_FP;
  uint64_t word;
  if ((slot & 7) != 0 || !mp_peek_stack_range(slot, sizeof word)) return 0;
  memcpy(&word, (const void *)slot, sizeof word);
  return is_pointer(word) ? word : 0;
}

void mp_v8_prefetch(const struct mp_v8_place *places, int count) {
  uint64_t objects[MP_V8_PLACES]; /* of each frame, where its chain has come to */
  for (int i = 0; i < count; i++) {
    mp_v8_prefetch_cached_code(places[i].pc);
    objects[i] = function_of(&places[i]);
    if (objects[i]) prefetch(objects[i], mp_v8_layout.function_shared + 8);
  }
  for (int i = 0; i < count; i++) {
    objects[i] = pointer_in(objects[i], mp_v8_layout.function_shared);
    if (objects[i]) mp_v8_prefetch_cached_function(objects[i]);
    if (objects[i]) prefetch(objects[i], MP_V8_SHARED_BYTES);
    uint64_t code = mp_v8_cached_code(places[i].pc);
    if (code) prefetch(code, MP_V8_CODE_BYTES);
  }
  for (int i = 0; i < count; i++) {
    uint64_t script = pointer_in(objects[i], mp_v8_layout.shared_script);
    if (script) prefetch(script, mp_v8_layout.script_id + 8);
  }
}
