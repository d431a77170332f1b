/* Work for the threads of libuv's pool: it runs in the context in which it was queued. Addons reach the two functions that queue it
 * through the executable's symbols, and so find ours there (carrier_import.c). Node's own calls, of zlib, crypto and file
 * systems, do not go that way and are not seen.
 *
 * The record of a piece of work that has a context lies in a table of fixed size. When there is no room, the work is queued as if we
 * were not here. */
#include <stdatomic.h>

#include "carrier.h"
#include "carrier_import.h"
#include "sampler.h"
#include "tags.h"

#define RECORD_BITS 11
#define RECORDS (1u << RECORD_BITS)
#define WINDOW 16u /* records that one key may have; when all are taken there is no room */

typedef void (*execute_function)(void *env, void *data);
typedef void (*complete_function)(void *env, int status, void *data);
typedef void (*work_function)(void *request);
typedef void (*after_function)(void *request, int status);

struct queued {
  _Atomic uintptr_t key; /* 0: free */
  uint32_t context;
  union {
    execute_function execute; /* Node-API */
    work_function work;       /* libuv */
  };
  union {
    complete_function complete;
    after_function after;
  };
  void *data; /* Node-API */
};
static struct queued table[RECORDS];

static struct queued *record_at(uintptr_t key, uint32_t step) {
  return &table[((key * 0x9e3779b97f4a7c15ull >> (64 - RECORD_BITS)) + step) & (RECORDS - 1)];
}

static struct queued *take(uintptr_t key, uint32_t context) {
  for (uint32_t step = 0; step < WINDOW; step++) {
    struct queued *record = record_at(key, step);
    uintptr_t none = 0;
    if (!atomic_compare_exchange_strong(&record->key, &none, key)) continue;
    record->context = context;
    return record;
  }
  return NULL;
}

static struct queued *find(uintptr_t key) {
  for (uint32_t step = 0; step < WINDOW; step++) {
    struct queued *record = record_at(key, step);
    if (atomic_load_explicit(&record->key, memory_order_acquire) == key) return record;
  }
  return NULL;
}

static void give_back(struct queued *record) { atomic_store_explicit(&record->key, 0, memory_order_release); }

static uint32_t current_context(void) {
  uint8_t source;
  if (!mp_enter()) return 0;
  uint32_t context = mp_tag_here(&source);
  mp_leave();
  return context;
}

/* ---- napi_create_async_work: the context is that of the creation, as for Node's async hooks. Work that is created and deleted
 * without having been queued keeps its record. */

static int (*create_async_work)(void *env, void *resource, void *name, execute_function, complete_function, void *data,
                                void **work);

static void execute(void *env, void *data) {
  struct queued *record = data;
  uint32_t outer = mp_tag_words.pool_thread;
  mp_tag_words.pool_thread = record->context;
  record->execute(env, record->data);
  mp_tag_words.pool_thread = outer;
}

static void complete(void *env, int status, void *data) {
  struct queued *record = data;
  complete_function program = record->complete;
  void *program_data = record->data;
  give_back(record);
  if (program) program(env, status, program_data);
}

static int create_in_context(void *env, void *resource, void *name, execute_function program, complete_function after,
                             void *data, void **work) {
  static _Atomic uintptr_t created; /* odd keys: no request of libuv's has an odd address */
  uint32_t context = program ? current_context() : 0;
  struct queued *record = context ? take(atomic_fetch_add(&created, 2) | 1, context) : NULL;
  if (!record) return create_async_work(env, resource, name, program, after, data, work);
  record->execute = program;
  record->complete = after;
  record->data = data;
  int status = create_async_work(env, resource, name, execute, complete, record, work);
  if (status != 0) give_back(record);
  return status;
}

/* ---- uv_queue_work: the request is the program's, down to its `data`, so it is the key. */

static int (*queue_work)(void *loop, void *request, work_function, after_function);

static void work(void *request) {
  struct queued *record = find((uintptr_t)request);
  if (!record) return;
  uint32_t outer = mp_tag_words.pool_thread;
  mp_tag_words.pool_thread = record->context;
  record->work(request);
  mp_tag_words.pool_thread = outer;
}

/* The program may free or queue the request again in its own function. */
static void after(void *request, int status) {
  struct queued *record = find((uintptr_t)request);
  if (!record) return;
  after_function program = record->after;
  give_back(record);
  if (program) program(request, status);
}

static int queue_in_context(void *loop, void *request, work_function program, after_function after_program) {
  uint32_t context = program && request ? current_context() : 0;
  struct queued *record = NULL;
  if (context && ((uintptr_t)request & 1) == 0 && !find((uintptr_t)request)) record = take((uintptr_t)request, context);
  if (!record) return queue_work(loop, request, program, after_program);
  record->work = program;
  record->after = after_program;
  int status = queue_work(loop, request, work, after);
  if (status != 0) give_back(record);
  return status;
}

void mp_carrier_watch_queues(void) {
  mp_import_replace("napi_create_async_work", (void *)create_in_context, (void **)&create_async_work);
  mp_import_replace("uv_queue_work", (void *)queue_in_context, (void **)&queue_work);
}
