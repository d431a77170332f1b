/* The context in hand-made heaps: found where it is, and 0 with no fault wherever anything is otherwise. */
#include "../src/carrier.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "../src/v8_internal.h"
#include "check.h"

#define PAGE 4096ul
#define JS_MAP_TYPE 0x842
#define OTHER_TYPE 0x123
#define TYPE_OFFSET 12

/* What the carriers need of the rest of the sampler. */
struct mp_v8_layout mp_v8_layout = {.map_instance_type = TYPE_OFFSET};
static const int js_map_type = JS_MAP_TYPE;
void *mp_symbol(const char *name) {
  return strcmp(name, "v8dbg_type_JSMap__JS_MAP_TYPE") == 0 ? (void *)&js_map_type : NULL;
}

static uint64_t smi(int32_t value) { return (uint64_t)(uint32_t)value << 32; }
static uint64_t tagged(const void *object) { return (uintptr_t)object + 1; }

/* One page of heap with nothing readable behind it. */
static struct {
  uint64_t map[4], other_map[4], key[2], undefined[2];
  uint64_t frame[6];
  uint64_t table[64];
} *heap;

static void make_heap(void) {
  char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && mprotect(pages + PAGE, PAGE, PROT_NONE) == 0);
  _Static_assert(sizeof *heap < PAGE && sizeof *heap % 8 == 0, "fits");
  heap = (void *)(pages + PAGE - sizeof *heap); /* so that the table ends where memory does */
}

static void set_type(uint64_t *map, uint16_t type) { memcpy((char *)map + TYPE_OFFSET, &type, sizeof type); }

/* A frame with our key among others, and its table at word `table_word`. */
static uint64_t make_frame(int table_word, int32_t words, int at, uint64_t value) {
  memset(heap, 0, sizeof *heap);
  for (int i = 0; i < 2; i++) heap->map[i] = heap->other_map[i] = tagged(heap->other_map);
  set_type(heap->map, JS_MAP_TYPE);
  set_type(heap->other_map, OTHER_TYPE);
  heap->undefined[0] = heap->key[0] = tagged(heap->other_map);
  for (int i = 0; i < 6; i++) heap->frame[i] = tagged(heap->undefined);
  heap->frame[0] = tagged(heap->map);
  heap->frame[table_word] = tagged(heap->table);
  heap->table[0] = tagged(heap->other_map);
  heap->table[1] = smi(words);
  for (int i = 2; i < 64; i++) heap->table[i] = i % 3 ? smi(i) : tagged(heap->undefined);
  heap->table[at] = tagged(heap->key);
  if (at < 63) heap->table[at + 1] = value;
  return tagged(heap->frame);
}

static void maps(void) {
  uint64_t key;
  make_heap();
  key = tagged(heap->key);
  CHECK(!mp_carrier_learn_map(make_frame(3, 62, 20, smi(7)), key, 8)); /* another value: not ours */
  CHECK(!mp_carrier_learn_map(make_frame(3, 62, 20, tagged(heap->undefined)), key, 0));
  CHECK(mp_carrier_learn_map(make_frame(2, 62, 20, smi(7)), key, 7)); /* wherever the table is */
  CHECK(mp_carrier_look_up(make_frame(2, 62, 20, smi(9)), key) == 9);
  CHECK(mp_carrier_look_up(make_frame(3, 62, 20, smi(9)), key) == 0);
  CHECK(mp_carrier_learn_map(make_frame(3, 62, 20, smi(7)), key, 7));
  for (int at = 2; at < 63; at++) CHECK(mp_carrier_look_up(make_frame(3, 62, at, smi(65535)), key) == 65535);
  CHECK(mp_carrier_look_up(make_frame(3, 62, 63, 0), key) == 0);  /* the last word has no value behind it */
  CHECK(mp_carrier_look_up(make_frame(3, 10, 20, smi(9)), key) == 0); /* behind the end of the table */
  CHECK(mp_carrier_look_up(make_frame(3, 62, 20, tagged(heap->undefined)), key) == 0);
  /* A table that claims more than is there, or no length at all. */
  static const int32_t LENGTHS[] = {63, 200, 1024, 1025, INT32_MAX, 0, 1, -1, INT32_MIN};
  for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++)
    CHECK(mp_carrier_look_up(make_frame(3, LENGTHS[i], 63, 0), key) == 0);
  /* No frame: undefined, a Smi, another object, one that the collector is moving, one that is not there. */
  uint64_t frame = make_frame(3, 62, 20, smi(9));
  CHECK(mp_carrier_look_up(tagged(heap->undefined), key) == 0 && mp_carrier_look_up(smi(9), key) == 0);
  CHECK(mp_carrier_look_up(0, key) == 0 && mp_carrier_look_up(~0ull, key) == 0 && mp_carrier_look_up(17, key) == 0);
  CHECK(mp_carrier_look_up(tagged((char *)heap + sizeof *heap - 8), key) == 0);
  heap->frame[0] = (uintptr_t)heap->table;
  CHECK(mp_carrier_look_up(frame, key) == 0);
}

/* Any word anywhere: no fault, and no context but where the key stands before it. */
static void wild(void) {
  uint64_t key = tagged(heap->key), state = 20261125;
  for (int round = 0; round < 200000; round++) {
    uint64_t frame = make_frame(3, 62, 20, smi(9)), *words = (uint64_t *)heap;
    for (int i = 0; i < 6; i++) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      size_t at = (state >> 33) % (sizeof *heap / 8);
      switch ((state >> 20) % 4) {
        case 0: words[at] = state; break;
        case 1: words[at] = tagged((char *)heap + (state >> 40) % (2 * PAGE)); break;
        case 2: words[at] = smi((int32_t)(state >> 24)); break;
        default: words[at] ^= 1ull << (state & 63); break;
      }
    }
    uint32_t found = mp_carrier_look_up(frame, key);
    if (found == 0) continue;
    bool stands = false;
    for (size_t i = 0; i + 1 < sizeof *heap / 8; i++) stands |= words[i] == key && words[i + 1] == smi((int32_t)found);
    CHECK(stands);
  }
}

static uint32_t current(enum mp_tag_source expected) {
  uint8_t source = 99;
  uint32_t context = mp_carrier_current(&source);
  CHECK(source == (context ? expected : MP_TAG_SOURCE_NONE));
  return context;
}

static void collections(void) {
  uint64_t slot = make_frame(3, 62, 20, smi(9)), key = tagged(heap->key);
  mp_carrier = (struct mp_carrier){.source = MP_TAG_SOURCE_CPED, .slot = &slot, .key = &key};
  CHECK(current(MP_TAG_SOURCE_CPED) == 9);
  mp_carrier.at_collection = 5;
  mp_carrier.collecting = true;
  CHECK(current(MP_TAG_SOURCE_CPED) == 5); /* objects move: nobody looks at them */
  mp_carrier.collecting = false;
  CHECK(current(MP_TAG_SOURCE_CPED) == 9);
}

static void smis(void) {
  uint64_t slot = smi(11);
  mp_carrier = (struct mp_carrier){.source = MP_TAG_SOURCE_SMI, .slot = &slot};
  CHECK(current(MP_TAG_SOURCE_SMI) == 11);
  slot = tagged(heap->undefined);
  CHECK(current(MP_TAG_SOURCE_SMI) == 0);
}

static uint32_t shorts[MP_RING_ENTRIES], others[MP_RING_ENTRIES];

static uint32_t entry(uint64_t id, uint32_t context) {
  return MP_RING_WRITTEN | ((uint32_t)id >> MP_RING_BITS) << 16 | context;
}

static void rings(void) {
  double id = 5;
  mp_carrier = (struct mp_carrier){.source = MP_TAG_SOURCE_RING, .async_id = &id, .rings = {shorts, others}};
  CHECK(current(MP_TAG_SOURCE_RING) == 0);
  shorts[5] = entry(5, 65535);
  CHECK(current(MP_TAG_SOURCE_RING) == 65535);
  id = 5 + MP_RING_ENTRIES; /* the same place, another id */
  CHECK(current(MP_TAG_SOURCE_RING) == 0);
  others[5] = entry(5 + MP_RING_ENTRIES, 3);
  CHECK(current(MP_TAG_SOURCE_RING) == 3);
  shorts[5] = entry(5 + MP_RING_ENTRIES, 0); /* run(0, ...) hides what the resource was made in */
  CHECK(current(MP_TAG_SOURCE_RING) == 0);
  id = 0x1p40 + 6;
  shorts[6] = entry(1ull << 40 | 6, 4);
  CHECK(current(MP_TAG_SOURCE_RING) == 4);
  static const double NONE[] = {-1, 0x1p53, 0x1p64, 1e300};
  for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
    id = NONE[i];
    CHECK(current(MP_TAG_SOURCE_RING) == 0);
  }
  id = (double)NAN;
  CHECK(current(MP_TAG_SOURCE_RING) == 0);
  mp_carrier = (struct mp_carrier){0};
  CHECK(current(MP_TAG_SOURCE_NONE) == 0);
}

int main(void) {
  maps();
  wild();
  collections();
  smis();
  rings();
  return checks_done();
}
