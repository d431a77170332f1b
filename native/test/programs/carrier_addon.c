/* An addon that allocates blocks whose size says for whom:
 *
 *   allocate(bytes)             here and now
 *   napiWork(bytes, callback)   on a thread of the pool, through napi_create_async_work
 *   uvWork(bytes, callback)     the same through uv_queue_work
 *   unused(bytes)               creates work that is deleted without having been queued
 *
 * Each thread gets BLOCKS blocks of `bytes`. */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>
#include <uv.h>

#define BLOCKS 4

struct job {
  uv_work_t request;
  napi_async_work work;
  napi_env env;
  napi_ref callback;
  size_t bytes;
};

static void allocate_blocks(size_t bytes) {
  for (int i = 0; i < BLOCKS; i++) {
    volatile char *block = malloc(bytes);
    block[0] = 1;
    free((void *)block);
  }
}

static struct job *new_job(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  int64_t bytes;
  struct job *job = calloc(1, sizeof *job);
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_value_int64(env, arguments[0], &bytes);
  job->env = env;
  job->bytes = (size_t)bytes;
  job->request.data = job; /* the program's own: nobody may use it */
  if (count > 1) napi_create_reference(env, arguments[1], 1, &job->callback);
  return job;
}

static void finish(struct job *job) {
  napi_value callback, global;
  napi_handle_scope scope;
  napi_open_handle_scope(job->env, &scope);
  napi_get_reference_value(job->env, job->callback, &callback);
  napi_get_global(job->env, &global);
  napi_call_function(job->env, global, callback, 0, NULL, NULL);
  napi_delete_reference(job->env, job->callback);
  napi_close_handle_scope(job->env, scope);
  free(job);
}

static void execute(napi_env env, void *data) {
  (void)env;
  allocate_blocks(((struct job *)data)->bytes);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  (void)status;
  napi_delete_async_work(env, job->work);
  finish(job);
}

static napi_value name_of(napi_env env) {
  napi_value name;
  napi_create_string_utf8(env, "carrier_addon", NAPI_AUTO_LENGTH, &name);
  return name;
}

static napi_value napi_work(napi_env env, napi_callback_info info) {
  struct job *job = new_job(env, info);
  napi_create_async_work(env, NULL, name_of(env), execute, complete, job, &job->work);
  napi_queue_async_work(env, job->work);
  return NULL;
}

static napi_value unused(napi_env env, napi_callback_info info) {
  struct job *job = new_job(env, info);
  napi_create_async_work(env, NULL, name_of(env), execute, complete, job, &job->work);
  napi_delete_async_work(env, job->work);
  free(job);
  return NULL;
}

static void work(uv_work_t *request) { allocate_blocks(((struct job *)request->data)->bytes); }

static void after(uv_work_t *request, int status) {
  (void)status;
  finish(request->data);
}

static napi_value uv_work(napi_env env, napi_callback_info info) {
  struct job *job = new_job(env, info);
  uv_loop_t *loop;
  napi_get_uv_event_loop(env, &loop);
  uv_queue_work(loop, &job->request, work, after);
  return NULL;
}

static napi_value allocate(napi_env env, napi_callback_info info) {
  struct job *job = new_job(env, info);
  allocate_blocks(job->bytes);
  free(job);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } FUNCTIONS[] = {{"allocate", allocate}, {"napiWork", napi_work}, {"uvWork", uv_work}, {"unused", unused}};
  for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++) {
    napi_value function;
    napi_create_function(env, FUNCTIONS[i].name, NAPI_AUTO_LENGTH, FUNCTIONS[i].function, NULL, &function);
    napi_set_named_property(env, exports, FUNCTIONS[i].name, function);
  }
  return exports;
}
