/* Strings of every kind in a heap that this test makes up. Run under sanitizers. */
#include <string.h>
#include <sys/mman.h>

#include "../src/v8_objects.h"
#include "check.h"

struct mp_v8_layout mp_v8_layout = {
  .map_instance_type = 12,
  .string_length = 12,
  .string_chars = 16,
  .cons_first = 16,
  .cons_second = 24,
  .sliced_parent = 16,
  .sliced_offset = 24,
  .thin_actual = 16,
  .string_not_mask = -128,
  .string_one_byte_mask = 8,
  .string_representation_mask = 7,
};

enum { TWO_BYTE = 32, CONS = 33, EXTERNAL = 34, SLICED = 35, THIN = 37, ONE_BYTE = 40, NO_STRING = 130 };

/* Objects end where the mapping ends: a read beyond an object faults. */
static char *heap, *heap_end;

static uint64_t allocate(int type, uint32_t length, const void *payload, size_t bytes) {
  static uint16_t maps[256][16];
  maps[type][6] = (uint16_t)type;
  size_t size = (16 + bytes + 7) & ~7ul;
  heap_end -= size;
  CHECK(heap_end > heap);
  uint64_t map = (uint64_t)(uintptr_t)maps[type] + 1;
  memcpy(heap_end, &map, 8);
  memcpy(heap_end + 12, &length, 4);
  memcpy(heap_end + 16, payload, bytes);
  return (uint64_t)(uintptr_t)heap_end + 1;
}

static uint64_t one_byte(const char *text) {
  return allocate(ONE_BYTE, (uint32_t)strlen(text), text, strlen(text));
}

static uint64_t pair(int type, uint32_t length, uint64_t first, uint64_t second) {
  uint64_t words[2] = {first, second};
  return allocate(type, length, words, sizeof words);
}

static void expect(uint64_t string, const char *text, size_t capacity) {
  char *out = malloc(capacity ? capacity : 1);
  size_t n = mp_v8_copy_string(string, out, capacity);
  CHECK(n == strlen(text) && memcmp(out, text, n) == 0);
  free(out);
}

int main(void) {
  size_t bytes = 1 << 20;
  heap = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(heap != MAP_FAILED && mprotect(heap + bytes, 4096, PROT_NONE) == 0);
  heap_end = heap + bytes;

  expect(one_byte(""), "", 10);
  expect(one_byte("decode"), "decode", 10);
  expect(one_byte("decode"), "dec", 3);
  expect(one_byte("\351t\351"), "été", 10);
  expect(one_byte("\351t\351"), "ét", 4); /* never half a character */
  expect(allocate(TWO_BYTE, 4, u"모a\xd83d\xde00", 8), "모a😀", 16);
  expect(allocate(TWO_BYTE, 4, u"모a\xd83d\xde00", 8), "모a", 7);
  expect(allocate(TWO_BYTE, 3, u"\xde00\xd83d" u"a", 6), "\357\277\275\357\277\275a", 16);

  uint64_t hello = one_byte("hello "), world = one_byte("world");
  expect(pair(CONS, 11, hello, world), "hello world", 20);
  expect(pair(CONS, 11, hello, world), "hello wo", 8);
  expect(pair(SLICED, 3, world, 1ull << 32), "orl", 20);
  expect(pair(SLICED, 5, pair(CONS, 11, hello, world), 4ull << 32), "o wor", 20);
  expect(pair(SLICED, 2, pair(CONS, 11, hello, world), 8ull << 32), "rl", 20);
  expect(pair(THIN, 5, world, 0), "world", 20);
  uint64_t halves = pair(CONS, 2, allocate(TWO_BYTE, 1, u"\xd83d", 2), allocate(TWO_BYTE, 1, u"\xde00", 2));
  expect(halves, "😀", 20);

  expect(pair(EXTERNAL, 5, 0, 0), "", 20);
  expect(pair(NO_STRING, 5, world, world), "", 20);
  expect(pair(SLICED, 3, world, 100ull << 32), "", 20);
  expect(pair(SLICED, 3, world, 0 - (1ull << 32)), "", 20);
  expect(allocate(ONE_BYTE, 1u << 30, "x", 1), "", 20);
  expect(0, "", 20);
  expect(~0ull, "", 20);
  expect((uint64_t)(uintptr_t)heap + bytes + 1, "", 20);

  /* A cons of itself ends, and so does one whose parts lie. */
  uint64_t endless = pair(CONS, 1000, hello, hello);
  memcpy((char *)(uintptr_t)endless - 1 + 24, &endless, 8);
  char out[4096];
  CHECK(mp_v8_copy_string(endless, out, sizeof out) < sizeof out);
  memcpy((char *)(uintptr_t)endless - 1 + 16, &endless, 8);
  CHECK(mp_v8_copy_string(endless, out, sizeof out) < sizeof out);

  /* An object that the collector has moved: its first word is the new address. */
  uint64_t moved = one_byte("old"), target = (uint64_t)(uintptr_t)(one_byte("new") - 1);
  memcpy((char *)(uintptr_t)moved - 1, &target, 8);
  expect(moved, "new", 20);
  return checks_done();
}
