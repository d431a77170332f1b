/* Node-API, as far as we use it. Its functions are the executable's: they are looked up when Node loads us as an addon, so that
 * programs without Node have nothing to link. */
#ifndef MEMPROF_NAPI_H
#define MEMPROF_NAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct napi_env_ *napi_env;
typedef struct napi_value_ *napi_value;
typedef struct napi_callback_info_ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);

enum { NAPI_OK = 0, NAPI_INT32_ARRAY = 5, NAPI_UINT32_ARRAY = 6 };

/* X(name, parameters): each returns a status. */
#define MP_NAPI_FUNCTIONS(X)                                                                                      \
  X(napi_create_function,                                                                                         \
    (napi_env, const char *name, size_t length, napi_callback, void *data, napi_value *result))                   \
  X(napi_set_named_property, (napi_env, napi_value object, const char *name, napi_value value))                   \
  X(napi_get_cb_info,                                                                                             \
    (napi_env, napi_callback_info, size_t *count, napi_value *arguments, napi_value *receiver, void **data))      \
  X(napi_get_value_string_utf8, (napi_env, napi_value, char *buffer, size_t bytes, size_t *written))              \
  X(napi_get_value_double, (napi_env, napi_value, double *result))                                                \
  X(napi_create_string_utf8, (napi_env, const char *text, size_t bytes, napi_value *result))                      \
  X(napi_create_uint32, (napi_env, uint32_t value, napi_value *result))                                           \
  X(napi_get_boolean, (napi_env, bool value, napi_value *result))                                                 \
  X(napi_get_undefined, (napi_env, napi_value *result))                                                           \
  X(napi_add_env_cleanup_hook, (napi_env, void (*hook)(void *), void *data))                                      \
  X(napi_create_external_arraybuffer,                                                                             \
    (napi_env, void *data, size_t bytes, void *finalizer, void *hint, napi_value *result))                        \
  X(napi_create_typedarray,                                                                                       \
    (napi_env, int type, size_t length, napi_value array_buffer, size_t offset, napi_value *result))              \
  X(napi_get_typedarray_info,                                                                                     \
    (napi_env, napi_value, int *type, size_t *length, void **data, napi_value *array_buffer, size_t *offset))

struct mp_napi {
#define MP_NAPI_MEMBER(name, parameters) int(*name) parameters;
  MP_NAPI_FUNCTIONS(MP_NAPI_MEMBER)
#undef MP_NAPI_MEMBER
};
extern struct mp_napi mp_napi;

/* Looks the functions up; false if this Node does not have them all. */
bool mp_napi_resolve(void);

/* Gives `exports` a function. */
void mp_napi_export(napi_env env, napi_value exports, const char *name, napi_callback function);

/* The arguments of a call: `wanted` at most, missing ones undefined. */
void mp_napi_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments);

/* An argument as a whole number; 0 of what is none, or is out of range. */
uint32_t mp_napi_u32(napi_env env, napi_value value);
uint64_t mp_napi_u64(napi_env env, napi_value value);

/* NULL (undefined) where that fails. */
napi_value mp_napi_number(napi_env env, uint32_t value);
napi_value mp_napi_text(napi_env env, const char *utf8, size_t bytes);
napi_value mp_napi_bool(napi_env env, bool value);

/* An Int32Array or Uint32Array over memory of ours, which must outlive the thread; NULL where this Node does not allow it. */
napi_value mp_napi_words(napi_env env, int type, void *words, size_t count);

#endif
