/* From V8's continuation-preserved data to the context. On Node 24 and 26 (and on 22 with --experimental-async-context-frame)
 * that is a JavaScript Map with a value for each AsyncLocalStorage, ours among them:
 *
 *   isolate           AsyncContextFrame (a JSMap)          its table (a FixedArray)
 *   +------+          +-----+-----+-----+-------+          +-----+--------+-----+-----+---------+-----+
 *   | slot | -------> | map | ... | ... | table | -------> | map | length | ... | key | context | ... |
 *   +------+          +-----+-----+-----+-------+          +-----+--------+-----+-----+---------+-----+
 *
 * `undefined` when there is none. The table is searched word by word for our key; its value is the word behind. That key is an
 * object which the program cannot get hold of, so it is nowhere else. How a hash table is laid out need not be known. */
#include "carrier.h"
#include "symbols.h"
#include "v8_objects.h"

#define MAP_WORDS 6           /* no field of ours lies further back */
#define LENGTH_OFFSET 8
#define FIRST_ELEMENT 2       /* map, length */
#define MAX_TABLE_WORDS 1024  /* some 300 storages; a table that claims more is none, or not worth the time */

/* Learned once and the same for all isolates: it is one V8. -1 while unknown. */
static int map_type = -1, table_offset = -1;

/* Objects are aligned to their words. */
static bool is_object(uint64_t word) { return (word & 7) == 1; }

static bool has_type(uint64_t object, int type) {
  uint64_t map;
  uint16_t actual;
  if (!is_object(object) || !read_field(object, 0, &map) || !is_object(map)) return false;
  uintptr_t at = field(map, mp_v8_layout.map_instance_type);
  if (!mp_peek_range(at, sizeof actual)) return false;
  memcpy(&actual, (const void *)at, sizeof actual);
  if (actual != type) return false;
  mp_peek_remember(field(object, 0), MAP_WORDS * 8);
  mp_peek_remember(field(map, 0), (size_t)mp_v8_layout.map_instance_type + sizeof actual);
  return true;
}

/* The word behind `key` in a table; false if it is not there. */
static bool value_in(uint64_t table, uint64_t key, uint64_t *value) {
  uint64_t length;
  if (!is_object(table) || !read_field(table, LENGTH_OFFSET, &length) || !is_smi(length)) return false;
  int32_t words = smi_value(length);
  if (words < 2 || words > MAX_TABLE_WORDS) return false;
  uintptr_t start = field(table, 8 * FIRST_ELEMENT);
  if (!mp_peek_range(start, (size_t)words * 8)) return false;
  const uint64_t *elements = (const uint64_t *)start;
  for (int32_t i = 0; i < words - 1; i++) {
    if (elements[i] != key) continue;
    *value = elements[i + 1];
    mp_peek_remember(field(table, 0), 8 * (FIRST_ELEMENT + (size_t)words));
    return true;
  }
  return false;
}

uint32_t mp_carrier_look_up(uint64_t frame, uint64_t key) {
  uint64_t table, value;
  if (!has_type(frame, map_type) || !read_field(frame, table_offset, &table)) return 0;
  return value_in(table, key, &value) && is_smi(value) ? (uint32_t)smi_value(value) : 0;
}

bool mp_carrier_learn_map(uint64_t frame, uint64_t key, uint32_t known) {
  const int *type = mp_symbol("v8dbg_type_JSMap__JS_MAP_TYPE");
  if (!type || mp_v8_layout.map_instance_type <= 0 || !has_type(frame, *type)) return false;
  for (int offset = 8; offset < MAP_WORDS * 8; offset += 8) {
    uint64_t table, value;
    if (!read_field(frame, offset, &table) || !value_in(table, key, &value)) continue;
    if (!is_smi(value) || (uint32_t)smi_value(value) != known) return false;
    map_type = *type;
    table_offset = offset;
    return true;
  }
  return false;
}
