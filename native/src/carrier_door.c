/* The carrier functions of the door: called by the agent (src/agent/carrier*.cts), once per thread, outside of any allocation. */
#include "carrier_door.h"

#include "carrier.h"
#include "symbols.h"
#include "v8.h"

typedef void (*gc_callback)(void *isolate, int type, int flags);
#define MOVING_COLLECTIONS 7 /* of v8::GCType: scavenge, minor mark-sweep, mark-sweep-compact */

static void *current_isolate(void) {
  void *(*try_get)(void) = mp_symbol("_ZN2v87Isolate13TryGetCurrentEv");
  return try_get ? try_get() : NULL;
}

/* ---- start and stop */

static void stop(void) {
  mp_carrier.source = MP_TAG_SOURCE_NONE;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  mp_carrier.collecting = false;
}

static void start(enum mp_tag_source source) {
  mp_carrier.collecting = false;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  mp_carrier.source = (uint8_t)source;
}

/* The isolate goes, and the thread may live on. */
static void forget(void *unused) {
  (void)unused;
  stop();
  mp_carrier.isolate = NULL;
}

/* False if the end of the isolate could not be noticed. */
static bool follow_end(napi_env env) {
  void *isolate = current_isolate();
  if (!isolate) return false;
  if (mp_carrier.isolate == isolate) return true;
  stop();
  if (mp_napi.napi_add_env_cleanup_hook(env, forget, NULL) != NAPI_OK) return false;
  mp_carrier.isolate = isolate;
  mp_carrier.slot = mp_carrier.key = NULL;
  return true;
}

/* ---- cped */

static void before_collection(void *isolate, int type, int flags) {
  (void)type, (void)flags;
  if (isolate != mp_carrier.isolate || mp_carrier.source != MP_TAG_SOURCE_CPED) return;
  uint8_t source;
  mp_carrier.at_collection = mp_carrier_current(&source);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  mp_carrier.collecting = true;
}

static void after_collection(void *isolate, int type, int flags) {
  (void)type, (void)flags;
  if (isolate == mp_carrier.isolate) mp_carrier.collecting = false;
}

static bool follow_collections(void *isolate) {
  void (*prologue)(void *, gc_callback, int) =
      mp_symbol("_ZN2v87Isolate21AddGCPrologueCallbackEPFvPS0_NS_6GCTypeENS_15GCCallbackFlagsEES2_");
  void (*epilogue)(void *, gc_callback, int) =
      mp_symbol("_ZN2v87Isolate21AddGCEpilogueCallbackEPFvPS0_NS_6GCTypeENS_15GCCallbackFlagsEES2_");
  if (!prologue || !epilogue) return false;
  prologue(isolate, before_collection, MOVING_COLLECTIONS);
  epilogue(isolate, after_collection, MOVING_COLLECTIONS);
  return true;
}

/* A word outside the heap that always holds the object, wherever the collector moves it. Its signature changed with V8 12. */
static const uint64_t *make_global(void *isolate, napi_value value) {
  uint64_t *handle = (uint64_t *)value; /* node_api.h's opaque pointer is a v8::Local: where the object's word is */
  uint64_t *(*of_word)(void *, uint64_t) = mp_symbol("_ZN2v812api_internal18GlobalizeReferenceEPNS_8internal7IsolateEm");
  if (of_word) return of_word(isolate, *handle);
  uint64_t *(*of_handle)(void *, uint64_t *) =
      mp_symbol("_ZN2v812api_internal18GlobalizeReferenceEPNS_8internal7IsolateEPm");
  return of_handle ? of_handle(isolate, handle) : NULL;
}

static __thread napi_env smi_env __attribute__((tls_model("initial-exec")));

static void *make_smi(uint32_t number) { return mp_napi_number(smi_env, number); }

static const uint64_t *find_slot(napi_env env) {
  smi_env = env;
  return mp_carrier_find_slot(mp_carrier.isolate, make_smi);
}

/* carrierCped(storage, context): to be called inside `storage.run(context, ...)`. True if this thread's contexts can be read. */
static napi_value carrier_cped(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  mp_napi_arguments(env, info, 2, arguments);
  uint32_t context = mp_napi_u32(env, arguments[1]);
  bool ok = context != 0 && follow_end(env);
  if (ok && !mp_carrier.key) {
    mp_carrier.slot = find_slot(env);
    ok = mp_carrier.slot && follow_collections(mp_carrier.isolate);
    if (ok) mp_carrier.key = make_global(mp_carrier.isolate, arguments[0]);
  }
  ok = ok && mp_carrier.key && mp_carrier_learn_map(*mp_carrier.slot, *mp_carrier.key, context);
  if (ok) start(MP_TAG_SOURCE_CPED);
  return mp_napi_bool(env, ok);
}

/* ---- smi */

/* Whether nobody uses the slot: it holds `undefined`, or a number of ours from before. */
static bool is_free(napi_env env) {
  napi_value undefined = NULL;
  mp_napi.napi_get_undefined(env, &undefined);
  return undefined && (*mp_carrier.slot == *(const uint64_t *)undefined || (uint32_t)*mp_carrier.slot == 0);
}

/* carrierSmi(): the slot as an Int32Array of two words, the upper of which is the context while the lower is 0; undefined if that
 * cannot be, or somebody else uses the slot. */
static napi_value carrier_smi(napi_env env, napi_callback_info info) {
  (void)info;
  if (!follow_end(env) || mp_v8_state == MP_V8_NONE) return NULL;
  if (!mp_carrier.slot) mp_carrier.slot = find_slot(env);
  if (!mp_carrier.slot || !is_free(env)) return NULL;
  napi_value words = mp_napi_words(env, NAPI_INT32_ARRAY, (void *)mp_carrier.slot, 2);
  if (words) start(MP_TAG_SOURCE_SMI);
  return words;
}

/* ---- ring */

/* carrierRing(asyncId, short, long): asyncId is a Float64Array whose first element is Node's current executionAsyncId; the others
 * are Int32Arrays of MP_RING_ENTRIES. All three must stay alive as long as the thread. */
static napi_value carrier_ring(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t lengths[3] = {0};
  void *data[3] = {0};
  mp_napi_arguments(env, info, 3, arguments);
  bool ok = follow_end(env);
  for (int i = 0, type; ok && i < 3; i++)
    ok = mp_napi.napi_get_typedarray_info(env, arguments[i], &type, &lengths[i], &data[i], NULL, NULL) == NAPI_OK;
  ok = ok && lengths[0] >= 1 && lengths[1] == MP_RING_ENTRIES && lengths[2] == MP_RING_ENTRIES;
  if (ok) {
    stop();
    mp_carrier.async_id = data[0];
    mp_carrier.rings[0] = data[1];
    mp_carrier.rings[1] = data[2];
    start(MP_TAG_SOURCE_RING);
  }
  return mp_napi_bool(env, ok);
}

/* ---- both ways */

static napi_value carrier_stop(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  stop();
  return NULL;
}

/* carrierCurrent(): the context that a sample would get from the carrier now. */
static napi_value carrier_current(napi_env env, napi_callback_info info) {
  (void)info;
  uint8_t source;
  return mp_napi_number(env, mp_carrier_current(&source));
}

void mp_carrier_export(napi_env env, napi_value exports) {
  mp_napi_export(env, exports, "carrierCped", carrier_cped);
  mp_napi_export(env, exports, "carrierSmi", carrier_smi);
  mp_napi_export(env, exports, "carrierRing", carrier_ring);
  mp_napi_export(env, exports, "carrierStop", carrier_stop);
  mp_napi_export(env, exports, "carrierCurrent", carrier_current);
}
