#include "unwind.h"

#include <string.h>

#include "cfi.h"
#include "index.h"
#include "modules.h"
#include "peek.h"
#include "v8.h"

#define CACHE_BITS 13
#define MAX_STEPS 2048 /* of a deep recursion only the leaf-most frames are kept, but the walk is bounded anyway */

/* What is known about a program counter. A sequence lock guards each entry: odd while it is written. */
struct cached {
  uint32_t sequence;
  uint32_t epoch;
  uintptr_t pc;
  uint64_t word; /* its frame word */
  struct mp_frame_rules rules;
  bool has_rules;
  bool own;
};

static struct cached cache[1 << CACHE_BITS];

_Static_assert(sizeof(struct cached) % 8 == 0, "it is copied word by word");

/* Word by word: a word that another thread writes meanwhile may be the old one or the new one, but not a mixture. The
 * sequence is in the first word: what the writer of an entry stores there is what is there already. */
static inline void copy_words(struct cached *to, const struct cached *from) {
  typedef uint64_t __attribute__((may_alias)) word;
  for (size_t i = 0; i < sizeof *to / sizeof(word); i++)
    __atomic_store_n((word *)to + i, __atomic_load_n((const word *)from + i, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static bool read_stack(uintptr_t address, uint64_t *word) {
  if (!mp_peek_stack_range(address, sizeof *word)) return false;
  memcpy(word, (const void *)address, sizeof *word);
  return true;
}

static uint64_t native_word(uintptr_t pc, uint32_t generation) {
  uint64_t bits = generation & ((1u << MP_FRAME_GENERATION_BITS) - 1);
  return (pc & MP_FRAME_ADDRESS_MASK) | bits << MP_FRAME_GENERATION_SHIFT;
}

/* `lookup` is an address inside the call instruction, `pc` the return address behind it. */
static void learn(uintptr_t pc, uintptr_t lookup, struct cached *entry) {
  struct mp_loaded module;
  bool loaded = mp_module_at(lookup, &module);
  entry->pc = pc;
  entry->own = mp_is_own_code(lookup);
  entry->word = native_word(pc, loaded ? module.generation : __atomic_load_n(&mp_map_generation, __ATOMIC_RELAXED));
  entry->has_rules = false;
  if (loaded && module.cfi.hdr) {
    entry->has_rules = mp_cfi_find(&module.cfi, lookup, &entry->rules);
    if (!entry->has_rules && mp_cfi_find(&module.cfi, pc, &entry->rules)) {
      /* A "return address" at the very start of a function: makecontext put it there by hand. Nobody called, this is
       * the root. */
      entry->has_rules = true;
      entry->rules.tracked[MP_TRACKED_RA].kind = MP_RULE_UNDEFINED;
    }
  }
}

static void lookup_pc(uintptr_t pc, uintptr_t lookup, struct cached *out) {
  struct cached *entry = &cache[mp_hash_u64(pc ^ lookup << 1) >> (64 - CACHE_BITS)];
  uint32_t epoch = __atomic_load_n(&mp_modules_epoch, __ATOMIC_ACQUIRE);
  uint32_t sequence = __atomic_load_n(&entry->sequence, __ATOMIC_ACQUIRE);
  if (!(sequence & 1) && __atomic_load_n(&entry->pc, __ATOMIC_RELAXED) == pc) {
    copy_words(out, entry);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (out->epoch == epoch && out->pc == pc && __atomic_load_n(&entry->sequence, __ATOMIC_RELAXED) == sequence) return;
  }
  learn(pc, lookup, out);
  out->epoch = epoch;
  if ((sequence & 1) || !__atomic_compare_exchange_n(&entry->sequence, &sequence, sequence + 1, false, __ATOMIC_ACQUIRE,
                                                     __ATOMIC_RELAXED))
    return;
  out->sequence = sequence + 1;
  __atomic_thread_fence(__ATOMIC_RELEASE);
  copy_words(entry, out);
  __atomic_store_n(&entry->sequence, sequence + 2, __ATOMIC_RELEASE);
}

/* A frame record: the caller's frame pointer, then the return address. */
static enum mp_step step_by_frame_pointer(struct mp_registers *r) {
  uint64_t fp, pc;
  if (r->fp == 0) return MP_STEP_LOST;
  if (MP_JIT_SP_KNOWN && r->fp < r->sp) return MP_STEP_LOST;
  if ((r->fp & 7) || !read_stack(r->fp, &fp) || !read_stack(r->fp + 8, &pc)) return MP_STEP_LOST;
  if (!MP_JIT_SP_KNOWN && fp != 0 && fp <= r->fp) return MP_STEP_LOST; /* a chain leads outwards, or it is none */
  *r = (struct mp_registers){.pc = mp_strip_pointer(pc), .sp = MP_JIT_SP_KNOWN ? r->fp + 16 : 0, .fp = fp};
  return r->pc == 0 ? MP_STEP_ROOT : MP_STEP_OK;
}

static bool push(struct mp_stack *stack, uint64_t word) {
  if (stack->count == (int)MP_MAX_FRAMES) {
    stack->flags |= MP_SITE_STACK_TRUNCATED;
    return false;
  }
  stack->frames[stack->count++] = word;
  return true;
}

/* Frames that were walked and not decoded yet. */
struct walked {
  int count;
  struct mp_v8_place places[MP_V8_PLACES];
  uint64_t words[MP_V8_PLACES];
  bool native[MP_V8_PLACES];
};

static void prefetch_javascript(const struct walked *walked) {
  struct mp_v8_place places[MP_V8_PLACES];
  int count = 0;
  for (int i = 0; i < walked->count; i++) {
    if (!walked->native[i]) places[count++] = walked->places[i];
  }
  if (mp_v8_state == MP_V8_KNOWN || mp_v8_state == MP_V8_FUNCTIONS) mp_v8_prefetch(places, count);
}

static bool push_javascript(struct mp_stack *stack, const struct mp_v8_place *place, uint64_t word) {
  int decoded =
      mp_v8_decode(place->pc, place->fp, stack->frames + stack->count, (int)MP_MAX_FRAMES - stack->count);
  stack->count += decoded;
  return decoded > 0 || push(stack, word | MP_FRAME_V8_CODE);
}

/* Moves what was walked to the stack; false when that is full. */
static bool decode(struct walked *walked, struct mp_stack *stack) {
  prefetch_javascript(walked);
  bool room = true;
  for (int i = 0; i < walked->count && room; i++)
    room = walked->native[i] ? push(stack, walked->words[i])
                             : push_javascript(stack, &walked->places[i], walked->words[i]);
  walked->count = 0;
  return room;
}

static void add(struct walked *walked, const struct mp_registers *r, const struct cached *code) {
  int i = walked->count++;
  walked->places[i] = (struct mp_v8_place){r->pc, r->fp};
  walked->words[i] = code->word;
  walked->native[i] = code->has_rules || mp_v8_state == MP_V8_NONE;
}

void mp_unwind(struct mp_registers r, struct mp_stack *stack) {
  stack->count = 0;
  stack->flags = 0;
  struct walked walked;
  walked.count = 0;
  uintptr_t lookup = r.pc;
  bool complete = false;
  for (int steps = 0; steps < MAX_STEPS; steps++) {
    struct cached code;
    lookup_pc(r.pc, lookup, &code);
    if (!code.own) {
      if (walked.count == MP_V8_PLACES && !decode(&walked, stack)) return;
      add(&walked, &r, &code);
    }
    /* Our own code again, beyond the program's: it is the wrapper of main (hooks_exit.c). Below main lies only the C
     * library's start, which has no unwind table in musl. */
    complete |= code.own && stack->count + walked.count > 0;
    uintptr_t former_sp = r.sp;
    enum mp_step step = code.has_rules ? mp_cfi_step(&code.rules, &r, read_stack) : step_by_frame_pointer(&r);
    complete |= step == MP_STEP_ROOT;
    if (step != MP_STEP_OK || r.pc < 4096 ||
        ((MP_JIT_SP_KNOWN || r.sp != 0) && r.sp <= former_sp && !(code.has_rules && code.rules.signal_frame)))
      break;
    /* A return address may lie behind its function's end; the pc of an interrupted frame is exact. */
    lookup = code.has_rules && code.rules.signal_frame ? r.pc : r.pc - 1;
  }
  if (decode(&walked, stack) && !complete) stack->flags |= MP_SITE_STACK_BROKEN;
}
