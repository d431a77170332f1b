#include "symbols.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "link_maps.h"

struct symbol_table {
  const ElfW(Sym) * symbols;
  const char *names;
  const ElfW(Half) * versions;
  const uint32_t *gnu_hash;
  const uint32_t *sysv_hash;
};

const struct link_map *mp_link_maps(void) {
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  size_t count = getauxval(AT_PHNUM);
  uintptr_t bias = 0;
  const ElfW(Dyn) *dynamic = NULL;
  for (size_t i = 0; headers && i < count; i++) {
    if (headers[i].p_type == PT_PHDR) bias = (uintptr_t)headers - headers[i].p_vaddr;
  }
  for (size_t i = 0; headers && i < count; i++) {
    if (headers[i].p_type == PT_DYNAMIC) dynamic = (const ElfW(Dyn) *)(bias + headers[i].p_vaddr);
  }
  for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_DEBUG && dynamic->d_un.d_ptr) return ((const struct r_debug *)dynamic->d_un.d_ptr)->r_map;
  }
  return NULL;
}

/* glibc relocates the addresses in most dynamic sections, musl in none; the vDSO's is read-only everywhere. */
static const void *address_in(const struct link_map *map, ElfW(Addr) value) {
  return (const void *)(value < map->l_addr ? value + map->l_addr : value);
}

static bool open_table(const struct link_map *map, struct symbol_table *table) {
  memset(table, 0, sizeof *table);
  for (const ElfW(Dyn) *d = map->l_ld; d && d->d_tag != DT_NULL; d++) {
    const void *address = address_in(map, d->d_un.d_ptr);
    if (d->d_tag == DT_SYMTAB) table->symbols = address;
    if (d->d_tag == DT_STRTAB) table->names = address;
    if (d->d_tag == DT_VERSYM) table->versions = address;
    if (d->d_tag == DT_GNU_HASH) table->gnu_hash = address;
    if (d->d_tag == DT_HASH) table->sysv_hash = address;
  }
  return table->symbols && table->names && (table->gnu_hash || table->sysv_hash);
}

/* A definition under its default version: no import, and not a version kept for old binaries. */
static bool matches(const struct symbol_table *table, uint32_t index, const char *name) {
  const ElfW(Sym) *symbol = &table->symbols[index];
  if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0) return false;
  if (table->versions && (table->versions[index] & 0x8000)) return false;
  return strcmp(table->names + symbol->st_name, name) == 0;
}

static uint32_t find_gnu(const struct symbol_table *table, const char *name) {
  uint32_t hash = 5381;
  for (const unsigned char *c = (const unsigned char *)name; *c; c++) hash = hash * 33 + *c;
  /* buckets, first hashed symbol, bloom words, bloom shift; then the bloom filter, the buckets and the chains */
  uint32_t buckets = table->gnu_hash[0], first = table->gnu_hash[1], bloom_words = table->gnu_hash[2];
  const uint32_t *bucket = table->gnu_hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / 4);
  const uint32_t *chain = bucket + buckets;
  if (buckets == 0) return 0;
  for (uint32_t i = bucket[hash % buckets]; i >= first && i != 0; i++) {
    uint32_t link = chain[i - first];
    if ((link | 1) == (hash | 1) && matches(table, i, name)) return i;
    if (link & 1) break;
  }
  return 0;
}

static uint32_t find_sysv(const struct symbol_table *table, const char *name) {
  uint32_t hash = 0;
  for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
    hash = (hash << 4) + *c;
    hash = (hash ^ ((hash >> 24) & 0xf0)) & 0x0fffffff;
  }
  uint32_t buckets = table->sysv_hash[0];
  const uint32_t *bucket = table->sysv_hash + 2, *chain = bucket + buckets;
  if (buckets == 0) return 0;
  for (uint32_t i = bucket[hash % buckets]; i != 0; i = chain[i]) {
    if (matches(table, i, name)) return i;
  }
  return 0;
}

const ElfW(Sym) * mp_symbol_entry(const struct link_map *map, const char *name) {
  struct symbol_table table;
  if (map->l_ld == _DYNAMIC || !open_table(map, &table)) return NULL;
  uint32_t index = table.gnu_hash ? find_gnu(&table, name) : find_sysv(&table, name);
  return index == 0 ? NULL : &table.symbols[index];
}

static void *find_in(const struct link_map *map, const char *name) {
  const ElfW(Sym) *symbol = mp_symbol_entry(map, name);
  if (!symbol) return NULL;
  void *address = (void *)(map->l_addr + symbol->st_value);
  if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC) return ((void *(*)(void))address)();
  return address;
}

const struct link_map *mp_link_map_behind(const struct link_map *map) {
  const struct link_map *first = mp_link_maps(), *own = first;
  while (own && own->l_ld != _DYNAMIC) own = own->l_next;
  if (!own) return map ? map->l_next : first; /* not in the list that debuggers see: behind everyone */
  const struct link_map *next = map ? map->l_next : own->l_next;
  if (!next) next = first;
  return next == own ? NULL : next;
}

void *mp_symbol_in(const char *name, const struct link_map **object) {
  for (const struct link_map *map = mp_link_map_behind(NULL); map; map = mp_link_map_behind(map)) {
    void *address = find_in(map, name);
    if (!address) continue;
    *object = map;
    return address;
  }
  return NULL;
}

void *mp_symbol(const char *name) {
  const struct link_map *object;
  return mp_symbol_in(name, &object);
}

void *mp_symbol_of_program(const char *name) {
  void *address = NULL;
  for (const struct link_map *map = mp_link_maps(); map && !address; map = map->l_next) address = find_in(map, name);
  return address;
}
