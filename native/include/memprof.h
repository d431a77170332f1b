/* memprof.h: a native library says whose memory it allocates.
 *
 * One header, C99 and C++11, nothing to link. Under `memprof run` the names below show in every report; without it each call is a
 * load and a branch, and returns 0. Copy this file into your project or find it in the npm package: native/include/memprof.h.
 *
 * A tag is a number that stands for something named: a pool, an arena of it, a stage, labels. 0 stands for nothing, and every
 * function takes it for that. All functions may be called by any thread at any time, also in a signal handler and after fork. Names
 * are UTF-8; control characters and what is no UTF-8 become `_`, and what is beyond 128 bytes (labels: 512) is cut.
 *
 * How to use it: docs/how-to/tag-a-native-library.md. */
#ifndef MEMPROF_H
#define MEMPROF_H

#include <stddef.h>
#include <stdint.h>

/* What memprof_count counts. */
enum memprof_counter { MEMPROF_HIT = 0, MEMPROF_MISS = 1, MEMPROF_DOUBLE_RELEASE = 2, MEMPROF_USE_AFTER_RELEASE = 3 };

/* Functions of the profiler's, there or not: (result, name, parameters). */
#if defined(__ELF__) && (defined(__GNUC__) || defined(__clang__))
#define MEMPROF_WEAK(result, name, parameters) \
  extern __attribute__((weak, visibility("default"))) result memprof_v1_##name parameters;
#ifdef __cplusplus
extern "C" {
#endif
MEMPROF_WEAK(uint32_t, pool, (const char *name, uint64_t budget_bytes))
MEMPROF_WEAK(uint32_t, arena, (uint32_t pool))
MEMPROF_WEAK(void, arena_release, (uint32_t arena))
MEMPROF_WEAK(uint32_t, stage, (const char *name))
MEMPROF_WEAK(uint32_t, labels, (const char *pairs))
MEMPROF_WEAK(uint32_t, push, (uint32_t tag))
MEMPROF_WEAK(void, pop, (uint32_t previous))
MEMPROF_WEAK(void, count, (uint32_t tag, int counter, uint64_t by))
MEMPROF_WEAK(uint32_t, heap_create, (const char *name))
MEMPROF_WEAK(void, heap_alloc, (uint32_t heap, const void *block, size_t bytes))
MEMPROF_WEAK(void, heap_free, (uint32_t heap, const void *block))
MEMPROF_WEAK(void, heap_backing, (uint32_t heap, const void *start, size_t bytes))
MEMPROF_WEAK(void, heap_reset, (uint32_t heap))
#ifdef __cplusplus
}
#endif
#undef MEMPROF_WEAK
#define MEMPROF_GET(name, arguments) (memprof_v1_##name ? memprof_v1_##name arguments : 0)
#define MEMPROF_DO(name, arguments) ((void)(memprof_v1_##name ? (memprof_v1_##name arguments, 0) : 0))
#else /* no profiler on this platform */
#define MEMPROF_GET(name, arguments) (0)
#define MEMPROF_DO(name, arguments) ((void)0)
#endif
#define MEMPROF_UNUSED(argument) ((void)(argument))

/* --- pools and arenas --- */

/* The pool of that name; the same tag each time. budget_bytes is shown beside what it uses; 0: none. */
static inline uint32_t memprof_pool(const char *name, uint64_t budget_bytes) {
  MEMPROF_UNUSED(name), MEMPROF_UNUSED(budget_bytes);
  return MEMPROF_GET(pool, (name, budget_bytes));
}

/* A new arena of a pool, `<pool>#<n>` in reports. When there are tens of thousands, further ones are counted and their memory shown
 * with the pool. */
static inline uint32_t memprof_arena(uint32_t pool) {
  MEMPROF_UNUSED(pool);
  return MEMPROF_GET(arena, (pool));
}

/* Its memory is meant to be free from here on: what is left shows as bytes after release. A second release is counted. */
static inline void memprof_arena_release(uint32_t arena) {
  MEMPROF_UNUSED(arena);
  MEMPROF_DO(arena_release, (arena));
}

/* Adds to a counter of a pool or an arena. */
static inline void memprof_count(uint32_t tag, enum memprof_counter counter, uint64_t by) {
  MEMPROF_UNUSED(tag), MEMPROF_UNUSED(counter), MEMPROF_UNUSED(by);
  MEMPROF_DO(count, (tag, (int)counter, by));
}

/* --- what the calling thread does --- */

/* A stage of the work: "prefill". */
static inline uint32_t memprof_stage(const char *name) {
  MEMPROF_UNUSED(name);
  return MEMPROF_GET(stage, (name));
}

/* Labels, sorted by their keys: "model=small,tenant=acme". Keep their number bounded. */
static inline uint32_t memprof_labels(const char *pairs) {
  MEMPROF_UNUSED(pairs);
  return MEMPROF_GET(labels, (pairs));
}

/* From here on this thread's memory belongs to an arena (or a pool), a stage, labels: that part of the context is replaced, the
 * others stay. Returns what memprof_pop takes to put things back. */
static inline uint32_t memprof_push(uint32_t tag) {
  MEMPROF_UNUSED(tag);
  return MEMPROF_GET(push, (tag));
}

static inline void memprof_pop(uint32_t previous) {
  MEMPROF_UNUSED(previous);
  MEMPROF_DO(pop, (previous));
}

/* --- an allocator of your own --- */

/* A heap that reports show as `custom:<name>`: the same tag for the same name. */
static inline uint32_t memprof_heap_create(const char *name) {
  MEMPROF_UNUSED(name);
  return MEMPROF_GET(heap_create, (name));
}

/* After a block was handed out, and before it is taken back. Blocks are sampled as those of malloc are. */
static inline void memprof_heap_alloc(uint32_t heap, const void *block, size_t bytes) {
  MEMPROF_UNUSED(heap), MEMPROF_UNUSED(block), MEMPROF_UNUSED(bytes);
  MEMPROF_DO(heap_alloc, (heap, block, bytes));
}

static inline void memprof_heap_free(uint32_t heap, const void *block) {
  MEMPROF_UNUSED(heap), MEMPROF_UNUSED(block);
  MEMPROF_DO(heap_free, (heap, block));
}

/* The heap carves its blocks from this block of malloc's, or this part of a mapping, which stops being counted there: each byte is
 * counted once. Call it right after the allocation; to give the memory back, free or unmap it as ever. */
static inline void memprof_heap_backing(uint32_t heap, const void *start, size_t bytes) {
  MEMPROF_UNUSED(heap), MEMPROF_UNUSED(start), MEMPROF_UNUSED(bytes);
  MEMPROF_DO(heap_backing, (heap, start, bytes));
}

/* All its blocks are free: for arenas that are emptied at once. Looks at every live sample of the process. */
static inline void memprof_heap_reset(uint32_t heap) {
  MEMPROF_UNUSED(heap);
  MEMPROF_DO(heap_reset, (heap));
}

#undef MEMPROF_GET
#undef MEMPROF_DO
#undef MEMPROF_UNUSED

#ifdef __cplusplus
namespace memprof {

/* memprof::scope inside(kv_arena); until the end of the block. Takes tags, and what has one. */
class scope {
 public:
  explicit scope(uint32_t tag) : previous_(memprof_push(tag)) {}
  template <typename Tagged>
  explicit scope(const Tagged &tagged) : previous_(memprof_push(tagged.tag())) {}
  ~scope() { memprof_pop(previous_); }
  scope(const scope &) = delete;
  scope &operator=(const scope &) = delete;

 private:
  uint32_t previous_;
};
typedef scope arena_scope;

class pool {
 public:
  explicit pool(const char *name, uint64_t budget_bytes = 0) : tag_(memprof_pool(name, budget_bytes)) {}
  uint32_t tag() const { return tag_; }
  void hit(uint64_t times = 1) const { memprof_count(tag_, MEMPROF_HIT, times); }
  void miss(uint64_t times = 1) const { memprof_count(tag_, MEMPROF_MISS, times); }

 private:
  uint32_t tag_;
};

/* An arena of a pool, released when it goes out of scope. */
class arena {
 public:
  explicit arena(const pool &of) : tag_(memprof_arena(of.tag())), owned_(true) {}
  arena(arena &&other) noexcept : tag_(other.tag_), owned_(other.owned_) { other.owned_ = false; }
  arena &operator=(arena &&other) noexcept {
    if (this != &other) {
      if (owned_) release();
      tag_ = other.tag_;
      owned_ = other.owned_;
      other.owned_ = false;
    }
    return *this;
  }
  arena(const arena &) = delete;
  arena &operator=(const arena &) = delete;
  ~arena() {
    if (owned_) release();
  }
  uint32_t tag() const { return tag_; }
  /* By hand; the destructor then does nothing more. */
  void release() {
    memprof_arena_release(tag_);
    owned_ = false;
  }

 private:
  uint32_t tag_;
  bool owned_;
};

class stage {
 public:
  explicit stage(const char *name) : tag_(memprof_stage(name)) {}
  uint32_t tag() const { return tag_; }

 private:
  uint32_t tag_;
};

class heap {
 public:
  explicit heap(const char *name) : tag_(memprof_heap_create(name)) {}
  uint32_t tag() const { return tag_; }
  void alloc(const void *block, size_t bytes) const { memprof_heap_alloc(tag_, block, bytes); }
  void free(const void *block) const { memprof_heap_free(tag_, block); }
  void backing(const void *start, size_t bytes) const { memprof_heap_backing(tag_, start, bytes); }
  void reset() const { memprof_heap_reset(tag_); }

 private:
  uint32_t tag_;
};

} // namespace memprof
#endif
#endif
