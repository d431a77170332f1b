/* The self-test: does V8 lay out its objects as its symbols and our table of versions say?
 *
 * When we are loaded V8 has no objects yet, so the first frames are the test. What can be told without knowing the answer:
 *
 *   functions   the frame's slots hold objects, so its function decodes: type tags say so all the way
 *   lines       there is a position, it lies in the function's source, and the position table of an interpreted function has an
 *               entry for the very bytecode that calls
 *
 * On Node 20 to 26 none of 1.4 million positions lies outside its function, one in a thousand functions has no table yet, and at
 * most one interpreted call in a hundred has no entry of its own. With a wrong layout most frames fail: where half of the first ones do,
 * lines are given up, or functions, as for a version that we do not know. */
#include "store.h"
#include "v8.h"
#include "v8_internal.h"
#include "v8_seqlock.h"

#define FRAMES 128

struct trial {
  _Atomic uint32_t asked, failed;
};
static struct trial functions, lines;

static void give_up(enum mp_v8_state_value state) {
  if (mp_v8_state == MP_V8_UNKNOWN) return; /* it cannot get worse */
  mp_v8_state = (int)state;
  struct mp_header *header = mp_store_header();
  if (header) header->v8_state = (uint8_t)state;
}

static void judge(struct trial *trial, bool passed, enum mp_v8_state_value otherwise) {
  if (RELAXED_LOAD(trial->asked) >= FRAMES) return;
  if (!passed) atomic_fetch_add_explicit(&trial->failed, 1, memory_order_relaxed);
  uint32_t asked = atomic_fetch_add_explicit(&trial->asked, 1, memory_order_relaxed) + 1;
  if (asked == FRAMES && RELAXED_LOAD(trial->failed) >= FRAMES / 2) give_up(otherwise);
}

bool mp_v8_testing_lines(void) { return RELAXED_LOAD(lines.asked) < FRAMES; }

void mp_v8_judge_function(bool decoded) { judge(&functions, decoded, MP_V8_UNKNOWN); }

void mp_v8_judge_line(bool right) { judge(&lines, right, MP_V8_FUNCTIONS); }
