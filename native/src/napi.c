#include "napi.h"

#include "symbols.h"

struct mp_napi mp_napi;

/* True once all are there. Threads that come at the same time write the same. */
bool mp_napi_resolve(void) {
  bool complete = true;
#define RESOLVE(name, parameters)                    \
  mp_napi.name = (int(*) parameters)mp_symbol(#name); \
  complete = complete && mp_napi.name;
  MP_NAPI_FUNCTIONS(RESOLVE)
#undef RESOLVE
  return complete;
}

void mp_napi_export(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  if (mp_napi.napi_create_function(env, name, SIZE_MAX, function, NULL, &value) == NAPI_OK)
    mp_napi.napi_set_named_property(env, exports, name, value);
}

void mp_napi_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments) {
  for (size_t i = 0; i < wanted; i++) arguments[i] = NULL;
  mp_napi.napi_get_cb_info(env, info, &wanted, arguments, NULL, NULL);
}

static double number(napi_env env, napi_value value) {
  double result = 0;
  return value && mp_napi.napi_get_value_double(env, value, &result) == NAPI_OK ? result : 0;
}

uint32_t mp_napi_u32(napi_env env, napi_value value) {
  double result = number(env, value);
  return result >= 0 && result <= UINT32_MAX ? (uint32_t)result : 0;
}

uint64_t mp_napi_u64(napi_env env, napi_value value) {
  double result = number(env, value);
  return result >= 0 && result < 0x1p63 ? (uint64_t)result : 0;
}

napi_value mp_napi_number(napi_env env, uint32_t value) {
  napi_value result = NULL;
  mp_napi.napi_create_uint32(env, value, &result);
  return result;
}

napi_value mp_napi_text(napi_env env, const char *utf8, size_t bytes) {
  napi_value result = NULL;
  mp_napi.napi_create_string_utf8(env, utf8, bytes, &result);
  return result;
}

napi_value mp_napi_bool(napi_env env, bool value) {
  napi_value result = NULL;
  mp_napi.napi_get_boolean(env, value, &result);
  return result;
}

napi_value mp_napi_words(napi_env env, int type, void *words, size_t count) {
  napi_value buffer, array;
  if (mp_napi.napi_create_external_arraybuffer(env, words, count * 4, NULL, NULL, &buffer) != NAPI_OK) return NULL;
  return mp_napi.napi_create_typedarray(env, type, count, buffer, 0, &array) == NAPI_OK ? array : NULL;
}

