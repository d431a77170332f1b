/* Small unwind tables put together from records of real ones, then broken in many ways, looked up at every edge and stepped with
 * registers and stacks that are nonsense. Each table lies in a block of its own, so that the sanitizers see a read outside of it.
 *
 *   cfi_fuzz SEED ROUNDS FILE...      prints the number of lookups and of steps */
#include <signal.h>

#include "../../src/cfi.h"
#include "../elf_image.h"
#include "../harness.h"

#define MAX_FILES 16
#define MAX_RECORDS 6
#define MAX_BYTES 8192
#define HEADER_BYTES 12
#define ROUND_LIMIT_S 20 /* a round takes microseconds: what takes so long does not end */

static uint64_t state, round_number, lookups, steps, seed;

static uint64_t below(uint64_t bound) { return harness_random(&state) % bound; }

/* Something wrong in every second word, an address in the table or a plain number in the rest. */
static bool hostile_stack(uintptr_t address, uint64_t *word) {
  if (below(8) == 0) return false;
  *word = below(2) ? harness_random(&state) >> below(64) : address + below(64) * 8;
  return true;
}

static uint32_t word_at(uintptr_t at) {
  uint32_t word;
  memcpy(&word, (const void *)at, sizeof word);
  return word;
}

struct draft {
  uint8_t bytes[MAX_BYTES];
  size_t used, records;
  uint32_t starts[MAX_RECORDS], sizes[MAX_RECORDS]; /* of the made-up functions, relative to the table */
};

static void put_word(struct draft *d, size_t at, uint32_t word) { memcpy(d->bytes + at, &word, sizeof word); }

/* Copies a CIE with one of its FDEs; most compilers' FDEs have a 4-byte start (relative to itself) and size at 8 and 12. */
static void add_record(struct draft *d, const struct mp_cfi_table *from) {
  uint32_t count = word_at(from->hdr + 8);
  uintptr_t fde = from->hdr + (uintptr_t)(intptr_t)(int32_t)word_at(from->hdr + 12 + below(count) * 8 + 4);
  uintptr_t cie = fde + 4 - word_at(fde + 4);
  size_t cie_bytes = word_at(cie) + 4, fde_bytes = word_at(fde) + 4, i = d->records;
  if (d->used + cie_bytes + fde_bytes > MAX_BYTES) return;
  memcpy(d->bytes + d->used, (const void *)cie, cie_bytes);
  size_t at = d->used + cie_bytes;
  memcpy(d->bytes + at, (const void *)fde, fde_bytes);
  d->starts[i] = (uint32_t)(0x100000 + i * 0x10000);
  d->sizes[i] = word_at(fde + 12);
  put_word(d, at + 4, (uint32_t)(cie_bytes + 4));
  put_word(d, at + 8, d->starts[i] - (uint32_t)(at + 8));
  put_word(d, HEADER_BYTES + i * 8, d->starts[i]);
  put_word(d, HEADER_BYTES + i * 8 + 4, (uint32_t)at);
  d->used = at + fde_bytes;
  d->records++;
}

static void make(struct draft *d, const struct mp_cfi_table *tables, int count) {
  static const uint8_t HEADER[4] = {1, 0x1b, 0x03, 0x3b};
  size_t wanted = 1 + below(MAX_RECORDS);
  memset(d, 0, sizeof *d);
  memcpy(d->bytes, HEADER, sizeof HEADER);
  d->used = HEADER_BYTES + MAX_RECORDS * 8;
  for (size_t i = 0; i < wanted; i++) add_record(d, &tables[below((uint64_t)count)]);
  put_word(d, 8, (uint32_t)d->records);
}

static void mutate(struct draft *d) {
  static const uint8_t BYTES[] = {0, 1, 2, 7, 8, 0x0a, 0x0b, 0x0c, 0x0f, 0x10, 0x16, 0x2e, 0x2f, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
  static const uint32_t WORDS[] = {0, 1, 4, 8, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
  size_t at = below(4) ? HEADER_BYTES + below(d->used - HEADER_BYTES) : below(d->used), length = 1 + below(24), from = below(d->used);
  switch (below(7)) {
    case 0: d->bytes[at] ^= (uint8_t)(1u << below(8)); break;
    case 1: d->bytes[at] = BYTES[below(sizeof BYTES)]; break;
    case 2: d->bytes[at] = (uint8_t)below(256); break;
    case 3: if (at + 4 <= d->used) put_word(d, at, WORDS[below(8)]); break;
    case 4: if (at + 4 <= d->used) put_word(d, at, (uint32_t)(d->used - at + below(9) - 4)); break;
    case 5: if (at + length <= d->used && from + length <= d->used) memmove(d->bytes + at, d->bytes + from, length); break;
    default: memset(d->bytes + at, BYTES[below(sizeof BYTES)], at + length <= d->used ? length : d->used - at); break;
  }
}

static void ask(const struct mp_cfi_table *table, uintptr_t pc) {
  struct mp_frame_rules rules;
  lookups++;
  if (!mp_cfi_find(table, pc, &rules)) return;
  for (int i = 0; i < 2; i++) {
    struct mp_registers registers = {.pc = pc,
                                     .sp = harness_random(&state) >> below(64),
                                     .fp = harness_random(&state) >> below(64),
                                     .extra = harness_random(&state)};
    mp_cfi_step(&rules, &registers, hostile_stack);
    steps++;
  }
}

static void one_round(const struct mp_cfi_table *tables, int count) {
  struct draft d;
  make(&d, tables, count);
  for (uint64_t changes = below(12); changes-- > 0;) mutate(&d);
  size_t bytes = below(8) ? d.used : 1 + below(d.used);
  uint8_t *copy = malloc(bytes);
  CHECK(copy != NULL);
  memcpy(copy, d.bytes, bytes);
  uintptr_t start = (uintptr_t)copy;
  struct mp_cfi_table table = {start, start, start + bytes};
  for (size_t i = 0; i < d.records; i++) {
    uintptr_t pc = start + d.starts[i];
    uint64_t size = d.sizes[i];
    ask(&table, pc);
    ask(&table, pc + size / 2);
    ask(&table, pc + size - 1);
    ask(&table, pc + size);
    ask(&table, pc + below(size + 2));
  }
  ask(&table, harness_random(&state) >> below(64));
  free(copy);
}

static void hangs(int signal) {
  (void)signal;
  static uint64_t last = UINT64_MAX;
  if (last == round_number) abort();
  last = round_number;
  alarm(ROUND_LIMIT_S);
}

int main(int argc, char **argv) {
  struct mp_cfi_table tables[MAX_FILES];
  CHECK(argc > 3 && argc - 3 <= MAX_FILES);
  seed = strtoull(argv[1], NULL, 10);
  uint64_t rounds = strtoull(argv[2], NULL, 10);
  for (int i = 3; i < argc; i++) tables[i - 3] = elf_image(argv[i]);
  signal(SIGALRM, hangs);
  alarm(ROUND_LIMIT_S);
  for (round_number = 0; round_number < rounds; round_number++) {
    /* Each round can be run alone: it depends on nothing but the seed and its number. */
    state = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (round_number + 1) * 0xd6e8feb86659fd93ull;
    one_round(tables, argc - 3);
  }
  printf("%lu rounds, %lu lookups, %lu steps\n", (unsigned long)rounds, (unsigned long)lookups, (unsigned long)steps);
  CHECK(lookups > rounds);
  CHECK(rounds < 1000 || steps > rounds / 4);
  return checks_done();
}
