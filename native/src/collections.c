/* V8 calls back before and after each stop of an isolate's JavaScript, on the isolate's own thread. That is all that is exact: nothing is
 * allocated, no JavaScript runs, and the program cannot see it. Node's perf_hooks is built on the same two calls.
 *
 * Which V8 it is does not matter: the functions are looked up by name, and what they fill is checked against what JavaScript says. */
#include "collections.h"

#include <string.h>

#include "clock.h"
#include "sampler.h"
#include "store.h"
#include "symbols.h"

typedef void (*gc_callback)(void *isolate, int kind, int flags, void *data);

#define CALLBACK "PFvPS0_NS_6GCTypeENS_15GCCallbackFlagsEPvES4_S2_"
#define ALL_KINDS 31
#define KINDS 5

/* The start of v8::HeapStatistics, the same since V8 3; the rest is V8's to fill, and grows. */
struct heap_statistics {
  size_t total_bytes, total_executable_bytes, total_physical_bytes, total_available_bytes, used_bytes, limit_bytes;
  size_t others[58];
};

static void (*get_heap_statistics)(void *isolate, struct heap_statistics *);

/* How often sizes are read, which takes V8 2 to 10 us. */
#define SIZES_EVERY_NS 10000000ull

/* Of this thread's isolate. */
static __thread struct {
  void *isolate;
  uint32_t thread;
  bool ours;
  bool reads_sizes;
  uint64_t began_ns[KINDS];
  uint64_t sizes_due_ns;
  uint64_t used_before_bytes; /* 0: not read before this one */
} here __attribute__((tls_model("initial-exec")));

static int index_of(int kind) {
  int index = __builtin_ctz((unsigned)kind | 1u << KINDS);
  return index < KINDS && kind == 1 << index ? index : -1;
}

static bool read_sizes(struct heap_statistics *sizes) {
  if (!here.reads_sizes) return false;
  memset(sizes, 0, sizeof *sizes);
  get_heap_statistics(here.isolate, sizes);
  return true;
}

static void record(uint64_t began_ns, uint64_t now_ns, int kind, uint32_t flags, const struct heap_statistics *sizes) {
  struct mp_collection collection = {
      .time_ns = began_ns,
      .type = MP_EVENT_COLLECTION,
      .kind = (uint16_t)kind,
      .thread = here.thread,
      .flags = flags | (here.ours ? MP_COLLECTION_OURS : 0),
      .duration_ns = now_ns - began_ns,
      .used_before_bytes = sizes ? here.used_before_bytes : 0,
      .used_after_bytes = sizes ? sizes->used_bytes : 0,
      .total_kib = sizes ? (uint32_t)(sizes->total_bytes >> 10) : 0,
  };
  if (!mp_enter()) return;
  collection.tid = mp_thread.tid;
  struct mp_event event;
  memcpy(&event, &collection, sizeof event);
  mp_store_event(&event);
  mp_leave();
}

static void before(void *isolate, int kind, int flags, void *data) {
  (void)flags, (void)data;
  int index = index_of(kind);
  if (isolate != here.isolate || index < 0) return;
  here.began_ns[index] = mp_now_ns();
  if (here.began_ns[index] < here.sizes_due_ns) return;
  struct heap_statistics sizes;
  if (!read_sizes(&sizes)) return;
  here.used_before_bytes = sizes.used_bytes;
  here.sizes_due_ns = here.began_ns[index] + SIZES_EVERY_NS;
}

static void after(void *isolate, int kind, int flags, void *data) {
  (void)data;
  int index = index_of(kind);
  if (isolate != here.isolate || index < 0 || here.began_ns[index] == 0) return;
  uint64_t now_ns = mp_now_ns();
  struct heap_statistics sizes;
  bool has_sizes = here.used_before_bytes != 0 && read_sizes(&sizes);
  record(here.began_ns[index], now_ns, kind, (uint32_t)flags, has_sizes ? &sizes : NULL);
  here.began_ns[index] = 0;
  here.used_before_bytes = 0;
}

/* watchCollections(thread, heapLimitBytes): true if this isolate's collections are recorded from now on. */
static napi_value watch_collections(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  mp_napi_arguments(env, info, 2, arguments);
  void *(*current_isolate)(void) = mp_symbol("_ZN2v87Isolate10GetCurrentEv");
  typedef void add(void *isolate, gc_callback, void *data, int kinds);
  add *add_before = mp_symbol("_ZN2v87Isolate21AddGCPrologueCallbackE" CALLBACK);
  add *add_after = mp_symbol("_ZN2v87Isolate21AddGCEpilogueCallbackE" CALLBACK);
  get_heap_statistics = mp_symbol("_ZN2v87Isolate17GetHeapStatisticsEPNS_14HeapStatisticsE");
  if (!current_isolate || !add_before || !add_after || here.isolate) return mp_napi_bool(env, false);
  void *isolate = current_isolate();
  if (!isolate) return mp_napi_bool(env, false);
  here.thread = mp_napi_u32(env, arguments[0]);
  here.isolate = isolate;
  here.reads_sizes = get_heap_statistics != NULL;
  struct heap_statistics sizes;
  uint64_t limit_bytes = mp_napi_u64(env, arguments[1]);
  here.reads_sizes = read_sizes(&sizes) && sizes.limit_bytes == limit_bytes && sizes.used_bytes <= sizes.total_bytes;
  add_before(isolate, before, NULL, ALL_KINDS);
  add_after(isolate, after, NULL, ALL_KINDS);
  return mp_napi_bool(env, true);
}

/* Around collections that the agent asks for: they are no pauses of the program's. */
static napi_value own_collections(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  mp_napi_arguments(env, info, 1, arguments);
  here.ours = mp_napi_u32(env, arguments[0]) != 0;
  return NULL;
}

/* A point of the heap's size between collections. */
static napi_value record_heap_size(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  struct heap_statistics sizes;
  if (!here.isolate || !read_sizes(&sizes)) return NULL;
  uint64_t now_ns = mp_now_ns();
  here.used_before_bytes = sizes.used_bytes;
  record(now_ns, now_ns, MP_COLLECTION_NONE, 0, &sizes);
  here.used_before_bytes = 0;
  return NULL;
}

void mp_collections_export(napi_env env, napi_value exports) {
  mp_napi_export(env, exports, "watchCollections", watch_collections);
  mp_napi_export(env, exports, "ownCollections", own_collections);
  mp_napi_export(env, exports, "recordHeapSize", record_heap_size);
}
