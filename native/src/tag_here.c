/* The context of a sample: asked of the carriers, the nearest first. */
#include "carrier.h"
#include "store.h"
#include "tags.h"

__thread struct mp_tag_words mp_tag_words __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* A word may hold anything: a tag of a table that is no more, or what a program passed as one. */
static uint32_t context_or_0(uint32_t word) {
  uint32_t kind = mp_tag_kind(word);
  return kind != 0 && kind <= MP_TAG_CONTEXT ? word : 0;
}

static uint32_t javascript_here(uint8_t *source) {
  uint32_t tag = context_or_0(mp_tag_words.leaf);
  *source = MP_TAG_SOURCE_LEAF;
  if (tag != 0) return tag;
  tag = context_or_0(mp_tag_words.pool_thread);
  *source = MP_TAG_SOURCE_POOL_THREAD;
  if (tag != 0) return tag;
  tag = context_or_0(mp_carrier_current(source));
  if (tag == 0) *source = MP_TAG_SOURCE_NONE;
  return tag;
}

/* A native library knows its arena, and whoever called it the stage and the labels. */
uint32_t mp_tag_here(uint8_t *source) {
  uint32_t outer = javascript_here(source), inner = context_or_0(mp_tag_words.c);
  if (inner == 0) return outer;
  if (mp_tag_has_arena(inner) || outer == 0) *source = MP_TAG_SOURCE_C;
  return outer == 0 ? inner : mp_tag_inside(outer, inner);
}
