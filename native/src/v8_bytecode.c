/* Positions in functions that have byte code: for interpreted frames, and for baseline code, which maps back to it.
 *
 *   BytecodeArray   0      8        ...   bytecode_positions    ...   bytecode_data
 *                   +------+--------+-----+---------------------+-----+-----------
 *                   | Map  | length |     | table (a ByteArray) |     | bytecodes
 *                   +------+--------+-----+---------------------+-----+-----------
 *
 * V8 makes the table lazily unless it was told not to (--no-enable-lazy-source-positions); without one the position is
 * unknown and only the function is. */
#include "v8_internal.h"
#include "v8_objects.h"
#include "v8_seqlock.h"

#define LENGTH_OFFSET 8
#define BYTE_ARRAY_DATA 16
#define MAX_BYTE_ARRAY (1 << 22)

bool mp_v8_byte_array(uint64_t array, const uint8_t **data, size_t *bytes) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  uint64_t length;
  if (!(array = follow_forwarding(array))) return false;
  int type = instance_type(array);
  if (type != layout->type_byte_array && type != layout->type_trusted_byte_array) return false;
  if (!read_field(array, LENGTH_OFFSET, &length) || !is_smi(length)) return false;
  if (smi_value(length) < 0 || smi_value(length) > MAX_BYTE_ARRAY) return false;
  *bytes = (size_t)smi_value(length);
  *data = (const uint8_t *)field(array, BYTE_ARRAY_DATA);
  return mp_peek_range((uintptr_t)*data, *bytes);
}

bool mp_v8_is_bytecode_array(uint64_t object) {
  static _Atomic uint64_t known_map;
  uint64_t map;
  if (!is_pointer(object) || !read_field(object, 0, &map)) return false;
  if (!is_map_of(map, mp_v8_layout.type_bytecode_array, &known_map)) return false;
  mp_peek_remember(field(object, 0), LENGTH_OFFSET + 8);
  return true;
}

/* The cache. A function's bytecodes are the same each time that it is compiled, but for instrumentation (a debugger, block
 * coverage), which changes their length. */
#define CACHE_BITS 13

struct entry {
  _Atomic uint32_t sequence;
  _Atomic uint32_t position_plus_1;
  _Atomic uint64_t function_and_offset; /* 0: empty; offset + 1, so never 0 otherwise */
  _Atomic uint64_t length;
  uint64_t unused;
};
_Static_assert(sizeof(struct entry) == 32, "two a cache line");

static struct entry cache[1 << CACHE_BITS] __attribute__((aligned(64)));
const size_t mp_v8_position_cache_bytes = sizeof cache;

/* False if there is no table: it may come later. */
static bool decode(uint64_t bytecode_array, int64_t offset, uint32_t *position_plus_1) {
  const uint8_t *table;
  size_t bytes;
  uint64_t word;
  *position_plus_1 = 0;
  if (!read_field(bytecode_array, mp_v8_layout.bytecode_positions, &word)) return false;
  if (!mp_v8_byte_array(word, &table, &bytes)) return false;
  *position_plus_1 = mp_v8_script_offset_plus_1(mp_v8_position_at(table, bytes, offset, mp_v8_layout.position_format));
  return true;
}

bool mp_v8_has_bytecode_position(uint64_t bytecode_array, int64_t offset) {
  const uint8_t *table;
  size_t bytes;
  uint64_t word;
  return read_field(bytecode_array, mp_v8_layout.bytecode_positions, &word) && mp_v8_byte_array(word, &table, &bytes) &&
         mp_v8_has_position(table, bytes, offset, mp_v8_layout.position_format);
}

static void remember(struct entry *entry, uint64_t key, uint64_t length, uint32_t position_plus_1) {
  if (!seq_write_begin(&entry->sequence)) return;
  RELAXED_STORE(entry->function_and_offset, key);
  RELAXED_STORE(entry->length, length);
  RELAXED_STORE(entry->position_plus_1, position_plus_1);
  seq_write_end(&entry->sequence);
}

uint32_t mp_v8_bytecode_position(uint32_t function, uint64_t bytecode_array, int64_t offset) {
  uint64_t length;
  uint32_t position_plus_1;
  if (offset < 0 || offset >= INT32_MAX || !read_field(bytecode_array, LENGTH_OFFSET, &length)) return 0;
  uint64_t key = (uint64_t)function << 32 | (uint64_t)(offset + 1);
  struct entry *entry = &cache[(key * 0x9e3779b97f4a7c15ull) >> (64 - CACHE_BITS)];
  uint32_t begun = seq_read_begin(&entry->sequence);
  if (RELAXED_LOAD(entry->function_and_offset) == key && RELAXED_LOAD(entry->length) == length) {
    position_plus_1 = RELAXED_LOAD(entry->position_plus_1);
    if (seq_read_valid(&entry->sequence, begun)) {
#ifdef MEMPROF_VERIFY
      uint32_t again;
      /* A flushed table is not a mismatch. */
      if (decode(bytecode_array, offset, &again)) VERIFY(again == position_plus_1);
#endif
      return position_plus_1;
    }
  }
  if (decode(bytecode_array, offset, &position_plus_1)) remember(entry, key, length, position_plus_1);
  return position_plus_1;
}

void mp_v8_forget_positions(void) {
  for (size_t i = 0; i < 1 << CACHE_BITS; i++) if (RELAXED_LOAD(cache[i].function_and_offset) != 0) RELAXED_STORE(cache[i].function_and_offset, 0);
}
