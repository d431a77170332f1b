/* Strings, functions and modules: each kept once, found by content. */
#include <string.h>

#include "index.h"
#include "store_internal.h"

static struct mp_index strings, functions;

void mp_intern_forget(void) {
  mp_index_clear(&strings);
  mp_index_clear(&functions);
}

static uint64_t hash_bytes(const void *data, size_t bytes) {
  const unsigned char *p = data;
  uint64_t hash = bytes;
  for (; bytes >= 8; p += 8, bytes -= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    hash = mp_hash_u64(hash ^ word);
  }
  uint64_t tail = 0;
  memcpy(&tail, p, bytes);
  return mp_hash_u64(hash ^ tail ^ 0x9e3779b97f4a7c15ull);
}

/* --- strings --- */

struct text {
  const char *bytes;
  uint32_t length;
};

static bool string_equal(uint32_t id, const void *wanted) {
  const struct text *text = wanted;
  uint32_t length;
  memcpy(&length, mp_store.base[MP_REGION_STRINGS] + id, sizeof length);
  return length == text->length && memcmp(mp_store.base[MP_REGION_STRINGS] + id + 4, text->bytes, length) == 0;
}

static uint64_t string_hash(uint32_t id) {
  uint32_t length;
  memcpy(&length, mp_store.base[MP_REGION_STRINGS] + id, sizeof length);
  if (length > mp_store_used(MP_REGION_STRINGS) - id) length = 0; /* the program wrote there */
  return hash_bytes(mp_store.base[MP_REGION_STRINGS] + id + 4, length);
}

static uint32_t add_string(const struct text *text, uint64_t hash) {
  /* The empty string comes first, so that no other has id 0. */
  uint32_t start = mp_store_used(MP_REGION_STRINGS) == 0 ? 4 : 0;
  uint32_t padded = (4 + text->length + 3) & ~3u;
  uint32_t id = mp_room_for(MP_REGION_STRINGS, start + padded);
  if (id == MP_NONE || !mp_index_reserve(&strings, string_hash)) return 0;
  char *record = mp_store.base[MP_REGION_STRINGS] + id + start;
  memcpy(record, &text->length, 4);
  memcpy(record + 4, text->bytes, text->length);
  mp_publish(MP_REGION_STRINGS, start + padded);
  mp_index_insert(&strings, hash, id + start);
  return id + start;
}

uint32_t mp_store_string(const char *utf8, size_t bytes) {
  if (bytes == 0 || bytes > 65535 || !mp_store_header()) return 0;
  struct text text = {utf8, (uint32_t)bytes};
  uint64_t hash = hash_bytes(utf8, bytes);
  uint32_t id = mp_index_find(&strings, hash, string_equal, &text);
  if (id != MP_NONE) return id;
  if (!mp_lock_acquire(&mp_store.intern_lock)) return 0;
  id = mp_index_find(&strings, hash, string_equal, &text);
  if (id == MP_NONE) id = add_string(&text, hash);
  mp_lock_release(&mp_store.intern_lock);
  return id;
}

void mp_intern_inherit(void) {
  uint64_t used = mp_store_used(MP_REGION_STRINGS);
  for (uint64_t id = 4; id + 4 < used;) {
    uint32_t length;
    memcpy(&length, mp_store.base[MP_REGION_STRINGS] + id, sizeof length);
    if (length > used - id - 4 || !mp_index_reserve(&strings, string_hash)) return; /* the program wrote there */
    if (length > 0) mp_index_insert(&strings, string_hash((uint32_t)id), (uint32_t)id);
    id += (4 + (uint64_t)length + 3) & ~3ull;
  }
}

/* --- functions --- */

static struct mp_function *function_at(uint32_t index) {
  return (struct mp_function *)mp_store.base[MP_REGION_FUNCTIONS] + index;
}

static bool function_equal(uint32_t index, const void *wanted) {
  return memcmp(function_at(index), wanted, sizeof(struct mp_function)) == 0;
}

static uint64_t function_hash(uint32_t index) { return hash_bytes(function_at(index), sizeof(struct mp_function)); }

uint32_t mp_store_function(const struct mp_function *function) {
  if (!mp_store_header()) return MP_NONE;
  uint64_t hash = hash_bytes(function, sizeof *function);
  uint32_t index = mp_index_find(&functions, hash, function_equal, function);
  if (index != MP_NONE || !mp_lock_acquire(&mp_store.intern_lock)) return index;
  index = mp_index_find(&functions, hash, function_equal, function);
  if (index == MP_NONE && mp_index_reserve(&functions, function_hash)) {
    index = mp_room_for(MP_REGION_FUNCTIONS, 1);
    if (index != MP_NONE) {
      *function_at(index) = *function;
      mp_publish(MP_REGION_FUNCTIONS, 1);
      mp_index_insert(&functions, hash, index);
    }
  }
  mp_lock_release(&mp_store.intern_lock);
  return index;
}

/* --- modules --- */

static bool same_module(const struct mp_module *a, const struct mp_module *b) {
  return a->start == b->start && a->end == b->end && a->bias == b->bias && a->path == b->path &&
         memcmp(a->build_id, b->build_id, sizeof a->build_id) == 0;
}

uint32_t mp_store_module(const struct mp_module *module) {
  if (!mp_store_header() || !mp_lock_acquire(&mp_store.intern_lock)) return MP_NONE;
  struct mp_module *records = mp_store_region(MP_REGION_MODULES);
  uint32_t index = MP_NONE;
  /* From the newest back: an older record that overlaps is of a module that is gone, and so is all that came before it.
   */
  for (uint64_t i = mp_store_used(MP_REGION_MODULES); i-- > 0 && index == MP_NONE;) {
    if (same_module(&records[i], module)) index = (uint32_t)i;
    if (records[i].start < module->end && module->start < records[i].end) break;
  }
  if (index == MP_NONE) {
    index = mp_room_for(MP_REGION_MODULES, 1);
    if (index != MP_NONE) {
      records[index] = *module;
      mp_publish(MP_REGION_MODULES, 1);
    }
  }
  mp_lock_release(&mp_store.intern_lock);
  return index;
}
