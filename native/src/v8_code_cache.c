/* The cache of decoded machine code, by pc. An entry is good while the Code that was found still has the same fields and the
 * frame's function is the same. One without Code says that none was found, since the walk is long; one without frames, that
 * there were no positions yet. */
#include <string.h>

#include "store.h"
#include "v8_internal.h"
#include "v8_seqlock.h"

#define CACHE_BITS 12

struct entry {
  _Atomic uint32_t sequence;
  _Atomic uint32_t index;
  _Atomic uint64_t pc, object, start, positions, deopt;
  _Atomic uint64_t count;
  _Atomic uint64_t frames[MP_V8_MAX_INLINED];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct entry) == 192, "three cache lines");

static struct entry cache[1 << CACHE_BITS];
const size_t mp_v8_code_cache_bytes = sizeof cache;

static bool any_position(const uint64_t *frames, int n) {
  for (int i = 0; i < n; i++) {
    if ((uint32_t)frames[i] != 0) return true;
  }
  return false;
}

static void remember(struct entry *entry, uintptr_t pc, uint32_t index, const struct mp_v8_code *code,
                     const uint64_t *frames, int n) {
  if (!seq_write_begin(&entry->sequence)) return;
  RELAXED_STORE(entry->pc, pc);
  RELAXED_STORE(entry->index, index);
  RELAXED_STORE(entry->object, code->object);
  RELAXED_STORE(entry->start, code->start);
  RELAXED_STORE(entry->positions, code->positions);
  RELAXED_STORE(entry->deopt, code->deopt);
  RELAXED_STORE(entry->count, (uint64_t)n);
  for (int i = 0; i < n; i++) RELAXED_STORE(entry->frames[i], frames[i]);
  seq_write_end(&entry->sequence);
}

static bool unchanged(const struct entry *entry, uintptr_t pc, uint64_t object, struct mp_v8_code *code) {
  return mp_v8_read_code(object, pc, code) && code->start == RELAXED_LOAD(entry->start) &&
         code->positions == RELAXED_LOAD(entry->positions) && code->deopt == RELAXED_LOAD(entry->deopt);
}

enum answer { UNKNOWN, NO_CODE, FRAMES, CODE_ONLY };

/* What the cache knows about pc. FRAMES: *n words are in `frames`; CODE_ONLY: *code is right. */
static enum answer recall(const struct entry *entry, uintptr_t pc, uint32_t index, struct mp_v8_code *code,
                          uint64_t *frames, int *n) {
  uint32_t begun = seq_read_begin(&entry->sequence);
  if (RELAXED_LOAD(entry->pc) != pc || RELAXED_LOAD(entry->index) != index) return UNKNOWN;
  uint64_t object = RELAXED_LOAD(entry->object), count = RELAXED_LOAD(entry->count);
  if (count > MP_V8_MAX_INLINED) return UNKNOWN;
  for (uint64_t i = 0; i < count; i++) frames[i] = RELAXED_LOAD(entry->frames[i]);
  if (object != 0 && !unchanged(entry, pc, object, code)) return UNKNOWN;
  if (!seq_read_valid(&entry->sequence, begun)) return UNKNOWN;
  *n = (int)count;
  return object == 0 ? NO_CODE : count > 0 ? FRAMES : CODE_ONLY;
}

#ifdef MEMPROF_VERIFY
static void verify(uintptr_t pc, uint64_t function, uint32_t index, const uint64_t *frames, int n) {
  struct mp_v8_code code;
  uint64_t again[MP_V8_MAX_INLINED];
  if (!mp_v8_find_code(pc, function, &code)) return; /* it is being moved */
  VERIFY(mp_v8_decode_code(&code, pc, index, again) == n && memcmp(again, frames, sizeof *frames * (size_t)n) == 0);
}
#else
static void verify(uintptr_t pc, uint64_t function, uint32_t index, const uint64_t *frames, int n) {
  (void)pc, (void)function, (void)index, (void)frames, (void)n;
}
#endif

static struct entry *entry_of(uintptr_t pc) { return &cache[(pc * 0x9e3779b97f4a7c15ull) >> (64 - CACHE_BITS)]; }

void mp_v8_prefetch_cached_code(uintptr_t pc) {
  const struct entry *entry = entry_of(pc);
  __builtin_prefetch(entry);
  __builtin_prefetch(&entry->frames[1]); /* the next line; few have more frames than fit */
}

uint64_t mp_v8_cached_code(uintptr_t pc) { return RELAXED_LOAD(entry_of(pc)->object); }

int mp_v8_code_frames(uintptr_t pc, uint64_t function, uint32_t index, uint64_t *frames, int max) {
  struct entry *entry = entry_of(pc);
  uint64_t words[MP_V8_MAX_INLINED];
  struct mp_v8_code code = {0};
  int n = 0;
  enum answer answer = recall(entry, pc, index, &code, words, &n);
  if (answer == NO_CODE) return 0;
  if (answer == FRAMES) verify(pc, function, index, words, n);
  if (answer == UNKNOWN && !mp_v8_find_code(pc, function, &code)) {
    remember(entry, pc, index, &(struct mp_v8_code){0}, words, 0);
    return 0;
  }
  if (answer != FRAMES) {
    n = mp_v8_decode_code(&code, pc, index, words);
    bool known = any_position(words, n);
    if (known || answer == UNKNOWN) remember(entry, pc, index, &code, words, known ? n : 0);
  }
  if (n > max) n = max;
  memcpy(frames, words, sizeof *frames * (size_t)n);
  if (frames[0] & MP_FRAME_JS_APPROX) mp_count(MP_APPROX_JS_LINES, (uint64_t)n);
  return n;
}

void mp_v8_forget_code(void) {
  for (size_t i = 0; i < 1 << CACHE_BITS; i++) if (RELAXED_LOAD(cache[i].pc) != 0) RELAXED_STORE(cache[i].pc, 0);
}
