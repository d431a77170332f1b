/* An executable comes first in the order of symbol lookup, before whatever is preloaded, so a preloaded library cannot stand in for
 * its functions. But its table of dynamic symbols is where the loader looks them up; one word of that is changed, and no code. */
#include "carrier_import.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "link_maps.h"
#include "symbols.h"

static int protection_of(uint32_t flags) {
  return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

/* How the executable's memory at [start, end) is protected: as its segment says, but what is only relocated is read-only by now.
 * -1 if it is not in one segment. */
static int current_protection(uintptr_t bias, uintptr_t start, uintptr_t end) {
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  size_t count = getauxval(AT_PHNUM);
  int protection = -1;
  for (size_t i = 0; headers && i < count; i++) {
    uintptr_t first = bias + headers[i].p_vaddr, last = first + headers[i].p_memsz;
    if (headers[i].p_type == PT_LOAD && start >= first && end <= last) protection = protection_of(headers[i].p_flags);
    if (headers[i].p_type == PT_GNU_RELRO && start < last && end > first) return PROT_READ;
  }
  return protection;
}

static bool protect(uintptr_t page, size_t bytes, int protection) {
  return syscall(SYS_mprotect, page, bytes, (long)protection) == 0;
}

bool mp_import_replace(const char *name, void *replacement, void **original) {
  const struct link_map *executable = mp_link_maps();
  ElfW(Sym) *symbol = executable ? (ElfW(Sym) *)mp_symbol_entry(executable, name) : NULL;
  if (!symbol || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC) return false;
  uintptr_t bias = executable->l_addr, word = (uintptr_t)&symbol->st_value;
  uintptr_t page_bytes = getauxval(AT_PAGESZ), page = word & ~(page_bytes - 1);
  int protection = current_protection(bias, word, word + sizeof symbol->st_value);
  if (protection < 0 || (protection & PROT_READ) == 0 || word % sizeof symbol->st_value != 0) return false;
  if (!protect(page, page_bytes, protection | PROT_WRITE)) return false;
  *original = (void *)(bias + symbol->st_value);
  __atomic_store_n(&symbol->st_value, (uintptr_t)replacement - bias, __ATOMIC_RELEASE);
  protect(page, page_bytes, protection);
  return true;
}
