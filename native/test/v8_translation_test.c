/* Translations and safepoint tables: round trips against a writer of our own, then bytes that no V8 would write. Run under
 * sanitizers. */
#include <string.h>

#include "../src/v8_internal.h"
#include "check.h"

enum { INTERPRETED_WITH_RETURN = 0, INTERPRETED = 1, CONTINUATION = 2, BEGIN = 14, STACK_SLOT = 40, MATCH = 44, SHORT = 45 };

static uint64_t state = 88172645463325252ull;
static uint64_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

struct bytes {
  uint8_t data[20000];
  size_t size;
};

static void put(struct bytes *out, uint64_t value) {
  do {
    out->data[out->size++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
    value >>= 7;
  } while (value);
}

static void put_signed(struct bytes *out, int32_t value) {
  put(out, value < 0 ? (uint64_t)(-(int64_t)value) << 1 | 1 : (uint64_t)value << 1);
}

/* An instruction as it stands in a translation. */
struct instruction {
  uint8_t data[40];
  size_t size;
};

#define MAX_INSTRUCTIONS 200
struct translation {
  struct instruction instructions[MAX_INSTRUCTIONS];
  int count, frame_count;
  struct mp_v8_translated_frame frames[16];
};

static void add(struct translation *t, int opcode, const int32_t *operands, int count) {
  struct bytes out = {.size = 0};
  out.data[out.size++] = (uint8_t)opcode;
  for (int i = 0; i < count; i++) put_signed(&out, operands[i]);
  struct instruction *instruction = &t->instructions[t->count++];
  memcpy(instruction->data, out.data, out.size);
  instruction->size = out.size;
}

static void make(struct translation *t) {
  t->count = 0;
  t->frame_count = 1 + (int)(next_random() % 6);
  for (int i = 0; i < t->frame_count; i++) {
    int32_t offset = (int32_t)(next_random() % 3000), shared = (int32_t)(next_random() % 9), bytecodes = (int32_t)(next_random() % 9);
    int kind = (int)(next_random() % 3);
    if (kind == 2) {
      add(t, CONTINUATION, (int32_t[]){offset, shared, 3}, 3);
      t->frames[i] = (struct mp_v8_translated_frame){-1, shared, -1};
    } else {
      add(t, kind ? INTERPRETED : INTERPRETED_WITH_RETURN, (int32_t[]){offset, shared, bytecodes, 5, 0, 1}, kind ? 4 : 6);
      t->frames[i] = (struct mp_v8_translated_frame){offset, shared, bytecodes};
    }
    int values = (int)(next_random() % 20);
    for (int k = 0; k < values; k++) add(t, STACK_SLOT, (int32_t[]){(int32_t)(next_random() % 4) - 1}, 1);
  }
}

/* Writes `t`, leaving out what `earlier` has at the same place; returns where it starts. */
static size_t write_translation(struct bytes *out, const struct translation *t, const struct translation *earlier, size_t earlier_start) {
  size_t start = out->size;
  uint64_t matched = 0;
  out->data[out->size++] = BEGIN;
  put(out, earlier ? start - earlier_start : 0);
  put_signed(out, t->frame_count);
  put_signed(out, t->frame_count);
  for (int i = 0; i <= t->count; i++) {
    const struct instruction *mine = &t->instructions[i], *theirs = earlier && i < earlier->count ? &earlier->instructions[i] : NULL;
    if (i < t->count && theirs && mine->size == theirs->size && memcmp(mine->data, theirs->data, mine->size) == 0) {
      matched++;
      continue;
    }
    if (matched > 0 && matched < 256 - SHORT && next_random() % 4) out->data[out->size++] = (uint8_t)(SHORT + matched);
    else if (matched > 0) out->data[out->size++] = MATCH, put(out, matched);
    matched = 0;
    if (i == t->count) break;
    memcpy(out->data + out->size, mine->data, mine->size);
    out->size += mine->size;
  }
  return start;
}

static void round_trips(void) {
  static struct translation first, second;
  static struct bytes out;
  for (int round = 0; round < 3000; round++) {
    struct mp_v8_translated_frame frames[16];
    out.size = next_random() % 50;
    memset(out.data, 0, out.size);
    make(&first);
    /* The second is the first with something changed, as consecutive calls of a function are. */
    second = first;
    if (next_random() & 1) make(&second);
    size_t one = write_translation(&out, &first, NULL, 0);
    size_t two = write_translation(&out, &second, &first, one);
    uint8_t *exact = malloc(out.size);
    memcpy(exact, out.data, out.size);
    CHECK(mp_v8_read_translation(exact, out.size, one, frames, 16) == first.frame_count);
    CHECK(memcmp(frames, first.frames, sizeof *frames * (size_t)first.frame_count) == 0);
    CHECK(mp_v8_read_translation(exact, out.size, two, frames, 16) == second.frame_count);
    CHECK(memcmp(frames, second.frames, sizeof *frames * (size_t)second.frame_count) == 0);
    CHECK(mp_v8_read_translation(exact, out.size, two, frames, 1) == 1);
    CHECK(mp_v8_read_translation(exact, out.size, out.size, frames, 16) == 0);
    /* Bent and cut copies: any answer, but within bounds. */
    for (int i = 0; i < 8; i++) exact[next_random() % out.size] = (uint8_t)next_random();
    for (int i = 0; i < 4; i++) mp_v8_read_translation(exact, out.size, next_random() % out.size, frames, 16);
    free(exact);
  }
}

static void noise(void) {
  struct mp_v8_translated_frame frames[16];
  for (int round = 0; round < 50000; round++) {
    size_t size = 1 + next_random() % 100;
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(next_random() % (round & 1 ? 256 : 60));
    bytes[0] = BEGIN;
    int count = mp_v8_read_translation(bytes, size, 0, frames, 16);
    CHECK(count >= 0 && count <= 16);
    free(bytes);
  }
}

/* Two calls of a table that a Node 24 made: one that can deoptimize, one that cannot. */
static void safepoints(void) {
  static const uint8_t table[] = {12, 0, 0, 0, 2, 0, 0, 0, 0xa3, 0, 0, 0, 1, 0, 0, 0, 0x81, 0, 11, 0xd2, 3, 0, 0, 0x6e, 2, 0, 0, 0, 2, 1};
  CHECK(mp_v8_safepoint_bytes(table) == sizeof table);
  CHECK(mp_v8_deopt_index(table, 0x81) == 10);
  CHECK(mp_v8_deopt_index(table, 0x80) == -1 && mp_v8_deopt_index(table, 0x82) == -1);
  CHECK(mp_v8_deopt_index(table, 0x3d1) == 10);
  CHECK(mp_v8_deopt_index(table, 0x3d0) == -1 && mp_v8_deopt_index(table, 0x3d2) == -1);
  CHECK(mp_v8_deopt_index(table, 0x26e) == -1 && mp_v8_deopt_index(table, 0) == -1);
  for (int round = 0; round < 50000; round++) {
    uint8_t header[16];
    for (int i = 0; i < 16; i++) header[i] = (uint8_t)next_random();
    header[5] = header[6] = header[7] = 0;
    size_t bytes = mp_v8_safepoint_bytes(header);
    if (bytes == 0) continue;
    uint8_t *random_table = calloc(1, bytes);
    memcpy(random_table, header, 16);
    for (size_t i = 16; i < bytes; i++) random_table[i] = (uint8_t)next_random();
    CHECK(mp_v8_deopt_index(random_table, (uint32_t)(next_random() % 5000)) >= -1);
    free(random_table);
  }
}

int main(void) {
  round_trips();
  noise();
  safepoints();
  return checks_done();
}
