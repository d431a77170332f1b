/* An addon that times single allocations inside a mixed stack: `allocate(bytes)` is one malloc between two readings of the clock, `calls` are
 * many native functions that each call back into JavaScript: what a sample finds in them is new to it the first time. */
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CAPACITY = 1 << 20, EVICT_BYTES = 64 << 20 };

static double durations_ns[CAPACITY];
static uint32_t count;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static napi_value allocate(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t argc = 1;
  uint32_t bytes = 0;
  napi_get_cb_info(env, info, &argc, &argument, NULL, NULL);
  napi_get_value_uint32(env, argument, &bytes);
  double started = now_ns();
  void *block = malloc(bytes);
  double ended = now_ns();
  free(block);
  if (count < CAPACITY) durations_ns[count++] = ended - started;
  return NULL;
}

/* Writes to more memory than the CPU's caches hold. */
static napi_value evict(napi_env env, napi_callback_info info) {
  static char *memory;
  if (memory == NULL) memory = malloc(EVICT_BYTES);
  if (memory != NULL) memset(memory, (int)count, EVICT_BYTES);
  return NULL;
}

/* The durations since the last call, in nanoseconds. */
static napi_value take(napi_env env, napi_callback_info info) {
  napi_value array, number;
  napi_create_array_with_length(env, count, &array);
  for (uint32_t i = 0; i < count; i++) {
    napi_create_double(env, durations_ns[i], &number);
    napi_set_element(env, array, i, number);
  }
  count = 0;
  return array;
}

static napi_value call_back(napi_env env, napi_callback_info info) {
  napi_value function, receiver, result = NULL;
  size_t argc = 1;
  napi_get_cb_info(env, info, &argc, &function, NULL, NULL);
  napi_get_undefined(env, &receiver);
  napi_call_function(env, receiver, function, 0, NULL, &result);
  return result;
}

/* 128 functions whose code is the same but in 512 places; the volatile store keeps the call from being a tail call. */
#define CALL(n)                                                                                              \
  static __attribute__((noinline, noclone)) napi_value call_##n(napi_env env, napi_callback_info info) {     \
    volatile int place = 0x##n;                                                                              \
    napi_value result = call_back(env, info);                                                                \
    place++;                                                                                                 \
    return result;                                                                                           \
  }
#define EACH_8(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7)
#define EACH_64(m, n) EACH_8(m, n##0) EACH_8(m, n##1) EACH_8(m, n##2) EACH_8(m, n##3) \
  EACH_8(m, n##4) EACH_8(m, n##5) EACH_8(m, n##6) EACH_8(m, n##7)
#define EACH_128(m) EACH_64(m, 0) EACH_64(m, 1)
EACH_128(CALL)
#define NAME(n) call_##n,
static const napi_callback calls[] = {EACH_128(NAME)};

static void set(napi_env env, napi_value target, const char *name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  napi_set_named_property(env, target, name, function);
}

NAPI_MODULE_INIT() {
  napi_value array, function;
  set(env, exports, "allocate", allocate);
  set(env, exports, "evict", evict);
  set(env, exports, "take", take);
  napi_create_array(env, &array);
  for (uint32_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    napi_create_function(env, "call", NAPI_AUTO_LENGTH, calls[i], NULL, &function);
    napi_set_element(env, array, i, function);
  }
  napi_set_named_property(env, exports, "calls", array);
  return exports;
}
