/* V8's tagged words, and the little that all its objects have in common.
 *
 *   63                    32 31               1 0
 *   +-----------------------+------------------+-+
 *   | value                 | 0                |0|   Smi
 *   +-----------------------+------------------+-+
 *   | address of an object + 1                |01|   pointer ("11": weak pointer)
 *   +------------------------------------------+-+
 *
 * An object starts with a pointer to its Map, whose instance_type tells what it is. While the collector moves an object that
 * first word is instead the untagged address of the new copy. */
#ifndef MEMPROF_V8_OBJECTS_H
#define MEMPROF_V8_OBJECTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "peek.h"
#include "v8_internal.h"

static inline bool is_pointer(uint64_t word) {
  return (word & 3) == 1;
}

static inline bool is_smi(uint64_t word) {
  return (word & 0xffffffff) == 0;
}

static inline int32_t smi_value(uint64_t word) {
  return (int32_t)(word >> 32);
}

/* Address of a field of the object that a tagged pointer means. */
static inline uintptr_t field(uint64_t object, int offset) {
  return (uintptr_t)object - 1 + (uintptr_t)(intptr_t)offset;
}

static inline bool read_field(uint64_t object, int offset, uint64_t *out) {
  return mp_peek_u64(field(object, offset), out);
}

static inline bool read_field_u32(uint64_t object, int offset, uint32_t *out) {
  uintptr_t at = field(object, offset);
  if (!mp_peek_range(at, sizeof *out)) return false;
  memcpy(out, (const void *)at, sizeof *out);
  return true;
}

/* Copies the first `bytes` of an object: one question instead of one a field. */
static inline bool read_object(uint64_t object, void *copy, size_t bytes) {
  if (!is_pointer(object) || !mp_peek_range(field(object, 0), bytes)) return false;
  memcpy(copy, (const void *)field(object, 0), bytes);
  return true;
}

/* True if `map`, the first word of some object, is the Map of objects of `type`. *known_map remembers the last such Map, which
 * saves a read: Maps of V8's internal types live in the read-only space and never move. */
static inline bool is_map_of(uint64_t map, int type, _Atomic uint64_t *known_map) {
  uint16_t actual;
  if (map == atomic_load_explicit(known_map, memory_order_relaxed)) return map != 0;
  if (!is_pointer(map) || !mp_peek_range(field(map, mp_v8_layout.map_instance_type), sizeof actual)) return false;
  memcpy(&actual, (const void *)field(map, mp_v8_layout.map_instance_type), sizeof actual);
  if (actual != type) return false;
  mp_peek_remember(field(map, 0), (size_t)mp_v8_layout.map_instance_type + sizeof actual);
  atomic_store_explicit(known_map, map, memory_order_relaxed);
  return true;
}

/* The object itself, or its copy if the collector is moving it; 0 if neither can be read. */
static inline uint64_t follow_forwarding(uint64_t object) {
  uint64_t first;
  if (!is_pointer(object) || !read_field(object, 0, &first)) return 0;
  if (is_pointer(first)) return object;
  if ((first & 7) != 0) return 0;
  uint64_t moved = first + 1;
  return read_field(moved, 0, &first) && is_pointer(first) ? moved : 0;
}

/* The instance type of an object, -1 if it has none (not an object, or not readable). */
static inline int instance_type(uint64_t object) {
  uint64_t map;
  uint16_t type;
  if (!is_pointer(object) || !read_field(object, 0, &map) || !is_pointer(map)) return -1;
  uintptr_t at = field(map, mp_v8_layout.map_instance_type);
  if (!mp_peek_range(at, sizeof type)) return -1;
  memcpy(&type, (const void *)at, sizeof type);
  return type;
}

#endif
