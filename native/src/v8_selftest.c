/* The self-test: does V8 lay out its objects as its symbols and our table of versions say?
 *
 * When we are loaded V8 has no objects yet, so the first frames are the test. What can be told without knowing the answer:
 *
 *   functions   the frame's slots hold objects, so its function decodes: type tags say so all the way
 *   lines       there is a position, it lies in the function's source, and the position table of an interpreted function has an
 *               entry for the very bytecode that calls
 *
 * Of the first 24 different frames at most 4 fail on Node 20 to 26 (80 runs: bytecodes that allocate without a call have no entry),
 * and 17 or more of lines with the layout of another version, or with an offset that is 8 too large. Where more than half fail, lines
 * are given up, or functions, as for a version that we do not know. */
#include "store.h"
#include "v8.h"
#include "v8_internal.h"
#include "v8_seqlock.h"

#define FRAMES 24
#define SEEN_BITS 8

/* A frame that comes again and again, as in a loop, counts once: whose key is in `seen`, a set of hashes, has been judged. */
struct trial {
  _Atomic uint32_t asked, failed;
  _Atomic uint64_t seen[(1 << SEEN_BITS) / 64];
};
static struct trial functions, lines;

static bool is_new(struct trial *trial, uint64_t key) {
  uint64_t hash = (key * 0x9e3779b97f4a7c15ull) >> (64 - SEEN_BITS), bit = 1ull << (hash & 63);
  return !(atomic_fetch_or_explicit(&trial->seen[hash >> 6], bit, memory_order_relaxed) & bit);
}

static void give_up(enum mp_v8_state_value state) {
  if (mp_v8_state == MP_V8_UNKNOWN) return; /* it cannot get worse */
  mp_v8_state = (int)state;
  struct mp_header *header = mp_store_header();
  if (header) header->v8_state = (uint8_t)state;
}

static bool is_over(const struct trial *trial) { return RELAXED_LOAD(trial->asked) >= FRAMES; }

static void judge(struct trial *trial, uint64_t key, bool passed, enum mp_v8_state_value otherwise) {
  if (is_over(trial) || !is_new(trial, key)) return;
  if (!passed) atomic_fetch_add_explicit(&trial->failed, 1, memory_order_relaxed);
  uint32_t asked = atomic_fetch_add_explicit(&trial->asked, 1, memory_order_relaxed) + 1;
  if (asked == FRAMES && RELAXED_LOAD(trial->failed) > FRAMES / 2) give_up(otherwise);
}

void mp_v8_judge_function(uint64_t function, bool decoded) { judge(&functions, function, decoded, MP_V8_UNKNOWN); }

bool mp_v8_testing_lines(void) { return !is_over(&lines); }

bool mp_v8_judge_line(uint64_t word, bool right) {
  judge(&lines, word, right, MP_V8_FUNCTIONS);
  return RELAXED_LOAD(lines.failed) > RELAXED_LOAD(lines.asked) / 2;
}
