/* Every entry of the unwind tables of the given files, then the same tables with bytes changed at random: nothing may
 * be read outside of them. */
#include "../src/cfi.h"

#include "elf_image.h"
#include "harness.h"

static bool no_stack(uintptr_t address, uint64_t *word) {
  *word = address * 3;
  return true;
}

/* Looks up the first, a middle and the last address of every function in the search table; returns how many had rules.
 */
static uint64_t look_at_all(const struct mp_cfi_table *table, uint64_t step, uint64_t *asked) {
  uint32_t count;
  memcpy(&count, (const char *)table->hdr + 8, 4);
  if (count > (table->end - table->hdr) / 8 - 2) count = 0;
  uint64_t found = 0;
  for (uint64_t i = 0; i < count; i += step) {
    int32_t offset, next;
    memcpy(&offset, (const char *)table->hdr + 12 + i * 8, 4);
    memcpy(&next, (const char *)table->hdr + 12 + (i + 1 < count ? i + 1 : i) * 8, 4);
    uintptr_t start = table->hdr + (uintptr_t)(intptr_t)offset;
    for (int part = 0; part < 3; part++) {
      struct mp_frame_rules rules;
      uintptr_t pc = part == 0 ? start : part == 1 ? start + (uintptr_t)((int64_t)next - offset) / 2 : start + 1;
      bool known = mp_cfi_find(table, pc, &rules);
      if (part == 0) {
        *asked += 1;
        found += known;
      }
      if (!known) continue;
      struct mp_registers registers = {pc, 0x7ffe0000, 0x7ffe0100, 0x7ffe0200};
      mp_cfi_step(&rules, &registers, no_stack);
    }
  }
  return found;
}

/* Two functions start at the same address. The second is empty, and the search table has it last. */
static void empty_function(void) {
  static const struct __attribute__((packed)) {
    uint8_t encodings[4];
    int32_t eh_frame, count;
    struct {
      int32_t start, fde;
    } pairs[2];
    uint32_t cie_length, cie_id;
    uint8_t version;
    char augmentation[3];
    uint8_t code_align, data_align, return_register, augmentation_bytes, encoding, instructions[7];
    struct __attribute__((packed)) {
      uint32_t length, cie;
      int32_t start;
      uint32_t size;
      uint8_t augmentation_bytes, nops[3];
    } fdes[2];
  } image = {
      .encodings = {1, 0x1b, 0x03, 0x3b},
      .eh_frame = 20,
      .count = 2,
      .pairs = {{0x1000, 52}, {0x1000, 72}},
      .cie_length = 20,
      .version = 1,
      .augmentation = "zR",
      .code_align = 1,
      .data_align = 0x78,
      .return_register = 16,
      .augmentation_bytes = 1,
      .encoding = 0x1b,
      .instructions = {0x0c, 7, 24}, /* def_cfa */
      .fdes = {{16, 28, 0x1000 - 60, 64, 0, {0}}, {16, 48, 0x1000 - 80, 0, 0, {0}}},
  };
  _Static_assert(offsetof(__typeof__(image), fdes) == 52, "as the numbers above say");
  uintptr_t start = (uintptr_t)&image;
  struct mp_cfi_table table = {start, start, start + sizeof image};
  struct mp_frame_rules rules;
  CHECK(mp_cfi_find(&table, start + 0x1000, &rules) && rules.cfa.value == 24);
  CHECK(mp_cfi_find(&table, start + 0x103f, &rules) && !mp_cfi_find(&table, start + 0x1040, &rules));
  CHECK(!mp_cfi_find(&table, start + 0xfff, &rules));
}

int main(int argc, char **argv) {
  empty_function();
  CHECK(argc > 1);
  for (int i = 1; i < argc; i++) {
    struct mp_cfi_table table = elf_image(argv[i]);
    uint64_t asked = 0, found = look_at_all(&table, 1, &asked);
    printf("%s: rules for %lu of %lu functions\n", argv[i], (unsigned long)found, (unsigned long)asked);
    CHECK(asked > 100 && found >= asked - asked / 1000);
  }

  /* The smallest of the files, in a block of its own so that the sanitizer sees its borders. */
  struct mp_cfi_table whole = elf_image(argv[1]);
  size_t bytes = whole.end - whole.hdr;
  uint64_t state = 99;
  for (int round = 0; round < 300; round++) {
    char *copy = malloc(bytes);
    memcpy(copy, (const void *)whole.hdr, bytes);
    struct mp_cfi_table broken = {(uintptr_t)copy, (uintptr_t)copy, (uintptr_t)copy + bytes};
    for (int change = 0; change < 2000; change++)
      copy[12 + harness_random(&state) % (bytes - 12)] ^= (char)(1 << harness_random(&state) % 8);
    uint64_t asked = 0;
    look_at_all(&broken, 17, &asked);
    CHECK(asked > 0);
    free(copy);
  }
  return checks_done();
}
