/* What the agent asks of the sampler: it loads this library, which is there already, once more as an addon (src/agent/native.cts). */
#include "allocator_figures.h"
#include "carrier_door.h"
#include "collections.h"
#include "hooks.h"
#include "napi.h"
#include "process.h"
#include "sampler.h"
#include "store.h"
#include "tags.h"

/* Longer than any name that is kept. */
struct text {
  char utf8[MP_TAG_LABELS_BYTES * 2];
  size_t bytes;
};

static void read_text(napi_env env, napi_value value, struct text *text) {
  text->bytes = 0;
  if (value) mp_napi.napi_get_value_string_utf8(env, value, text->utf8, sizeof text->utf8, &text->bytes);
}

/* `call` inside our own code, where a signal handler's allocation is not sampled; 0 while nothing is recorded. */
#define RECORDED(call)   \
  ({                     \
    uint32_t tag_ = 0;   \
    if (mp_enter()) {    \
      tag_ = (call);     \
      mp_leave();        \
    }                    \
    tag_;                \
  })

#define NAMED(name, define)                                                     \
  static napi_value name(napi_env env, napi_callback_info info) {               \
    napi_value arguments[2];                                                    \
    struct text text;                                                           \
    mp_napi_arguments(env, info, 2, arguments);                                 \
    read_text(env, arguments[0], &text);                                        \
    uint64_t number = mp_napi_u64(env, arguments[1]);                           \
    (void)number;                                                               \
    return mp_napi_number(env, RECORDED(define));                               \
  }

NAMED(define_pool, mp_tag_pool(text.utf8, text.bytes, number))
NAMED(define_stage, mp_tag_stage(text.utf8, text.bytes))
NAMED(define_labels, mp_tag_labels(text.utf8, text.bytes))

#define NUMBERS(name, call)                                                               \
  static napi_value name(napi_env env, napi_callback_info info) {                         \
    napi_value arguments[3];                                                              \
    mp_napi_arguments(env, info, 3, arguments);                                           \
    uint32_t a = mp_napi_u32(env, arguments[0]), b = mp_napi_u32(env, arguments[1]);      \
    uint64_t c = mp_napi_u64(env, arguments[2]);                                          \
    (void)a, (void)b, (void)c;                                                            \
    return mp_napi_number(env, RECORDED(call));                                           \
  }

NUMBERS(define_arena, mp_tag_arena(a))
NUMBERS(define_context, mp_tag_context(a, b, c <= UINT32_MAX ? (uint32_t)c : 0))
NUMBERS(ordinal_of, mp_tag_ordinal(a))
NUMBERS(release_arena, (mp_tag_release(a), 0))
NUMBERS(count, (mp_tag_count(a, (enum mp_tag_counter)b, c), 0))

static napi_value leaf_word(napi_env env, napi_callback_info info) {
  (void)info;
  return mp_napi_words(env, NAPI_INT32_ARRAY, &mp_tag_words.leaf, 1);
}

static napi_value allocator_figures(napi_env env, napi_callback_info info) {
  (void)info;
  char text[512];
  size_t bytes = 0;
  /* What the allocator takes for itself meanwhile is not the program's. */
  if (mp_enter()) {
    bytes = mp_allocator_figures(text, sizeof text);
    mp_leave();
  }
  return mp_napi_text(env, text, bytes);
}

/* Once for each thread of Node's. An empty module where nothing is recorded. */
MP_HOOK napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  if (mp_process_state() != MP_STATE_ON || !mp_napi_resolve()) return exports;
  mp_napi_export(env, exports, "definePool", define_pool);
  mp_napi_export(env, exports, "defineArena", define_arena);
  mp_napi_export(env, exports, "defineStage", define_stage);
  mp_napi_export(env, exports, "defineLabels", define_labels);
  mp_napi_export(env, exports, "defineContext", define_context);
  mp_napi_export(env, exports, "ordinalOf", ordinal_of);
  mp_napi_export(env, exports, "releaseArena", release_arena);
  mp_napi_export(env, exports, "count", count);
  mp_napi_export(env, exports, "leafWord", leaf_word);
  mp_napi_export(env, exports, "allocatorFigures", allocator_figures);
  mp_carrier_export(env, exports);
  mp_collections_export(env, exports);
  return exports;
}
