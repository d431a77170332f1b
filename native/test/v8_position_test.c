/* Position tables: round trips against an encoder of our own, then bytes that no V8 would write. Run under sanitizers. */
#include <string.h>

#include "../src/v8_internal.h"
#include "check.h"

static uint64_t state = 88172645463325252ull;
static uint64_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static size_t put_varint(uint8_t *out, uint64_t value) {
  size_t n = 0;
  do {
    out[n++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
    value >>= 7;
  } while (value);
  return n;
}

static uint64_t zigzag(int64_t value) {
  return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

struct entry {
  int64_t code_offset;
  uint64_t position;
  int is_statement;
};

static size_t encode(uint8_t *out, const struct entry *entries, int count, enum mp_v8_position_format format) {
  size_t n = 0;
  int64_t offset = -1;
  uint64_t position = 0;
  for (int i = 0; i < count; i++) {
    int64_t delta = entries[i].code_offset - offset;
    uint64_t first = format == MP_V8_POSITIONS_FLAGGED ? (uint64_t)delta << 2 | (uint64_t)entries[i].is_statement
                                                       : zigzag(entries[i].is_statement ? delta : -delta - 1);
    n += put_varint(out + n, first);
    n += put_varint(out + n, zigzag((int64_t)(entries[i].position - position)));
    offset = entries[i].code_offset;
    position = entries[i].position;
  }
  return n;
}

static void round_trips(enum mp_v8_position_format format) {
  struct entry entries[40];
  for (int round = 0; round < 300; round++) {
    uint8_t table[1000];
    int64_t offset = -1;
    int count = (int)(next_random() % 40);
    for (int i = 0; i < count; i++) {
      offset += (int64_t)(next_random() % 300);
      uint64_t position = (next_random() % 100000 + 1) << 1 | (next_random() % 5) << 31;
      entries[i] = (struct entry){offset, position, (int)(next_random() & 1)};
    }
    /* Exactly sized, so that the sanitizer sees a read too many. */
    size_t bytes = encode(table, entries, count, format);
    uint8_t *exact = malloc(bytes ? bytes : 1);
    memcpy(exact, table, bytes);
    for (int64_t at = -2; at < offset + 3; at++) {
      uint64_t expected = 0;
      for (int i = 0; i < count && entries[i].code_offset <= at; i++) expected = entries[i].position;
      CHECK(mp_v8_position_at(exact, bytes, at, format) == expected);
    }
    free(exact);
  }
}

/* Three bytecodes of 1, 2 and 3 bytes; 4 is the prefix "wide" in front of the second, as 0 and 2 are for V8. */
static void baseline(void) {
  static const uint8_t sizes[3 * 8] = {1, 1, 1, 1, 1, 2, 3, 1, /* double */ 1, 1, 1, 1, 1, 3, 5, 1, /* quadruple */ 1, 1, 1, 1, 1, 5, 9, 1};
  static const uint8_t bytecodes[] = {4, 5, 99, 0, 5, 98, 97, 6, 1, 2, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 4};
  static const uint8_t lengths[] = {10, 4, 6, 8, 130, 1, 5, 3};
  size_t n = sizeof lengths, m = sizeof bytecodes;
  /* Code: prologue to 10, bytecode 0 to 14, 1 to 20, 3 to 28, 7 to 158, 10 to 163, 20 to 166. */
  struct {
    uint64_t pc;
    int64_t offset;
  } cases[] = {{1, 0}, {10, 0}, {11, 0}, {14, 0}, {15, 1}, {20, 1}, {21, 3}, {28, 3}, {29, 7}, {158, 7}, {159, 10}, {163, 10}, {164, 20}, {166, 20}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CHECK(mp_v8_baseline_bytecode_offset(lengths, n, bytecodes, m, cases[i].pc, sizes, 8) == cases[i].offset);
  }
  CHECK(mp_v8_baseline_bytecode_offset(lengths, 0, bytecodes, m, 5, sizes, 8) == -1);
  /* Lengths for more bytecodes than there are: torn, or of another version. */
  CHECK(mp_v8_baseline_bytecode_offset(lengths, n, bytecodes, 3, 29, sizes, 8) == -1);
  CHECK(mp_v8_baseline_bytecode_offset(lengths, n, bytecodes, 4, 29, sizes, 8) == -1);
  CHECK(mp_v8_baseline_bytecode_offset(lengths, n, (const uint8_t *)"\377\377", 2, 29, sizes, 8) == -1);
}

static void noise(void) {
  size_t count;
  const uint8_t *sizes = mp_v8_bytecode_sizes(13, 6, &count);
  CHECK(sizes && count == 208);
  CHECK(mp_v8_bytecode_sizes(13, 7, &count) == NULL);
  for (int round = 0; round < 50000; round++) {
    size_t bytes = next_random() % 64, more = next_random() % 64;
    uint8_t *a = malloc(bytes ? bytes : 1), *b = malloc(more ? more : 1);
    for (size_t i = 0; i < bytes; i++) a[i] = (uint8_t)(next_random() | (next_random() & 1 ? 0x80 : 0));
    for (size_t i = 0; i < more; i++) b[i] = (uint8_t)(next_random() % (round & 1 ? 256 : 8));
    mp_v8_position_at(a, bytes, (int64_t)next_random() >> (next_random() & 63), round & 2);
    int64_t offset = mp_v8_baseline_bytecode_offset(a, bytes, b, more, next_random() >> (next_random() & 63), sizes, 208);
    CHECK(offset >= -1 && offset <= (int64_t)more);
    free(a);
    free(b);
  }
}

int main(void) {
  round_trips(MP_V8_POSITIONS_SIGNED);
  round_trips(MP_V8_POSITIONS_FLAGGED);
  baseline();
  noise();
  CHECK(mp_v8_script_offset_plus_1(7 << 1) == 7 && mp_v8_script_offset_plus_1(7 << 1 | 1) == 0);
  CHECK(mp_v8_inlining_plus_1(3ull << 31 | 7 << 1) == 3);
  return checks_done();
}
