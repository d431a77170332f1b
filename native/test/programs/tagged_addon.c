/* A Node addon that uses memprof.h, as a library author would: allocates in an arena of its own, in a call and on libuv's threads. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../include/memprof.h"

/* Of node_api.h, what is used here: its folder is not on every machine. */
typedef struct napi_env_ *napi_env;
typedef struct napi_value_ *napi_value;
typedef struct napi_callback_info_ *napi_callback_info;
typedef struct napi_async_work_ *napi_async_work;
extern int napi_create_function(napi_env, const char *, size_t, napi_value (*)(napi_env, napi_callback_info), void *, napi_value *);
extern int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
extern int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
extern int napi_get_value_uint32(napi_env, napi_value, uint32_t *);
extern int napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
extern int napi_create_uint32(napi_env, uint32_t, napi_value *);
extern int napi_create_async_work(napi_env, napi_value, napi_value, void (*)(napi_env, void *), void (*)(napi_env, int, void *), void *, napi_async_work *);
extern int napi_queue_async_work(napi_env, napi_async_work);
extern int napi_delete_async_work(napi_env, napi_async_work);

struct task {
  uint32_t bytes, times;
  napi_async_work work;
};

static void allocate(uint32_t bytes, uint32_t times) {
  uint32_t arena = memprof_arena(memprof_pool("tensors", 0)), previous = memprof_push(arena);
  while (times-- > 0) {
    volatile char *block = malloc(bytes);
    block[0] = 1;
  }
  memprof_pop(previous);
}

static void execute(napi_env env, void *data) {
  (void)env;
  struct task *task = data;
  allocate(task->bytes, task->times);
}

static void complete(napi_env env, int status, void *data) {
  (void)status;
  napi_delete_async_work(env, ((struct task *)data)->work);
  free(data);
}

static struct task read_task(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  struct task task = {0, 0, NULL};
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_value_uint32(env, arguments[0], &task.bytes);
  napi_get_value_uint32(env, arguments[1], &task.times);
  return task;
}

static napi_value now(napi_env env, napi_callback_info info) {
  struct task task = read_task(env, info);
  allocate(task.bytes, task.times);
  return NULL;
}

static napi_value later(napi_env env, napi_callback_info info) {
  struct task *task = malloc(sizeof *task);
  napi_value name;
  *task = read_task(env, info);
  napi_create_string_utf8(env, "later", 5, &name);
  napi_create_async_work(env, NULL, name, execute, complete, task, &task->work);
  napi_queue_async_work(env, task->work);
  return NULL;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "now", 3, now, NULL, &function);
  napi_set_named_property(env, exports, "now", function);
  napi_create_function(env, "later", 5, later, NULL, &function);
  napi_set_named_property(env, exports, "later", function);
  return exports;
}
