#include "modules.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "link_maps.h"
#include "lock.h"
#include "peek.h"
#include "store.h"
#include "symbols.h"

#define MAX_LOADED 2048

uint32_t mp_map_generation;
uint32_t mp_modules_epoch = 1;

static struct mp_lock lock;
static struct mp_loaded loaded[MAX_LOADED];
static uint32_t loaded_count;
static char executable_path[1024];
static uintptr_t own_start, own_end;

/* glibc's struct dl_find_object, as its manual documents it, with room for what later versions add. */
struct found_object {
  unsigned long long flags;
  void *map_start, *map_end;
  struct link_map *link_map;
  void *eh_frame;
  unsigned long long reserved[16];
};
static int (*find_object)(void *pc, struct found_object *result);

static uintptr_t page_down(uintptr_t address) { return address & ~4095ul; }
static uintptr_t page_up(uintptr_t address) { return page_down(address + 4095); }

/* The readable segments around the unwind table, as far as there is no gap between them: linkers leave some, and the loader
 * maps nothing there, or without access. The table is dropped when it lies in no such segment. */
static void find_table(struct mp_loaded *object, const ElfW(Phdr) * headers, uintptr_t hdr) {
  struct mp_cfi_table found = {hdr, hdr, hdr};
  bool inside = false, grown = true;
  for (uint32_t rounds = 0; grown && rounds < object->header_count; rounds++) {
    grown = false;
    for (uint32_t i = 0; i < object->header_count; i++) {
      if (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_R)) continue;
      uintptr_t start = object->bias + headers[i].p_vaddr, end = page_up(start + headers[i].p_memsz);
      start = page_down(start);
      if (start > found.end || end < found.start) continue;
      inside |= start <= hdr && hdr < end;
      if (start < found.start) found.start = start, grown = true;
      if (end > found.end) found.end = end, grown = true;
    }
  }
  if (inside) object->cfi = found;
}

/* True when a segment has the headers where we read them. After patchelf has moved them they lie elsewhere. */
static bool headers_are_there(const struct mp_loaded *object, const ElfW(Phdr) * headers, uintptr_t file_offset) {
  for (uint32_t i = 0; i < object->header_count; i++) {
    if (headers[i].p_type == PT_LOAD && headers[i].p_offset <= file_offset &&
        file_offset - headers[i].p_offset < headers[i].p_filesz &&
        object->bias + headers[i].p_vaddr + (file_offset - headers[i].p_offset) == object->headers)
      return true;
  }
  return false;
}

/* Fills in what the program headers tell; false when they are not readable or make no sense. */
static bool read_headers(struct mp_loaded *object) {
  size_t bytes = object->header_count * sizeof(ElfW(Phdr));
  if (object->header_count == 0 || object->header_count > 512 || !mp_peek_range(object->headers, bytes)) return false;
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)object->headers;
  object->start = UINTPTR_MAX;
  for (uint32_t i = 0; i < object->header_count; i++) {
    uintptr_t start = object->bias + headers[i].p_vaddr;
    if (headers[i].p_type == PT_LOAD) {
      if (start < object->start) object->start = page_down(start);
      if (start + headers[i].p_memsz > object->end) object->end = page_up(start + headers[i].p_memsz);
    }
    if (headers[i].p_type == PT_GNU_EH_FRAME) find_table(object, headers, start);
  }
  return object->start < object->end;
}

/* The executable's headers come from the kernel; those of others lie behind the ELF header at the start of their image.
 */
static bool describe(const struct link_map *map, uintptr_t image, struct mp_loaded *object) {
  memset(object, 0, sizeof *object);
  object->bias = map->l_addr;
  object->path = map->l_name;
  if (map == mp_link_maps()) {
    object->path = executable_path;
    object->headers = getauxval(AT_PHDR);
    object->header_count = (uint32_t)getauxval(AT_PHNUM);
    return read_headers(object);
  }
  if (!mp_peek_range(image, sizeof(ElfW(Ehdr)))) return false;
  const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image;
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return false;
  object->headers = image + header->e_phoff;
  object->header_count = header->e_phnum;
  return read_headers(object) && headers_are_there(object, (const ElfW(Phdr) *)object->headers, header->e_phoff);
}

/* What the loader knows, of an object whose headers are not to be found: its unwind table is taken as far as it is readable. */
static void describe_without_headers(const struct found_object *found, struct mp_loaded *object) {
  uintptr_t hdr = (uintptr_t)found->eh_frame, start = hdr, end = hdr;
  *object = (struct mp_loaded){.start = (uintptr_t)found->map_start,
                               .end = page_up((uintptr_t)found->map_end),
                               .bias = found->link_map->l_addr,
                               .path = found->link_map->l_name};
  while (hdr && end < object->end && mp_peek_range(end, 1)) end = page_down(end) + 4096;
  while (end > hdr && page_down(start - 1) >= object->start && mp_peek_range(start - 1, 1)) start = page_down(start - 1);
  if (end > hdr) object->cfi = (struct mp_cfi_table){hdr, start, end};
}

/* Without _dl_find_object. The list may change under us, hence the careful reads and the bound. */
static bool walk(uintptr_t pc, struct mp_loaded *object) {
  const struct link_map *map = mp_link_maps();
  for (int i = 0; map && i < MAX_LOADED; i++) {
    if (!mp_peek_range((uintptr_t)map, sizeof *map)) return false;
    if (describe(map, map->l_addr, object) && object->start <= pc && pc < object->end) return true;
    map = map->l_next;
  }
  return false;
}

static bool find(uintptr_t pc, struct mp_loaded *object) {
  if (!find_object) return walk(pc, object);
  struct found_object found;
  if (find_object((void *)pc, &found) != 0) return false;
  if (!describe(found.link_map, (uintptr_t)found.map_start, object)) describe_without_headers(&found, object);
  return object->start <= pc && pc < object->end;
}

static void read_build_id(const struct mp_loaded *object, struct mp_module *module) {
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)object->headers;
  for (uint32_t i = 0; i < object->header_count; i++) {
    if (headers[i].p_type != PT_NOTE) continue;
    uintptr_t at = object->bias + headers[i].p_vaddr, end = at + headers[i].p_memsz;
    if (!mp_peek_range(at, headers[i].p_memsz)) continue;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
      uintptr_t name = at + sizeof *note, data = name + ((note->n_namesz + 3) & ~3u);
      if (data + note->n_descsz > end) break;
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp((const void *)name, "GNU", 4) == 0) {
        module->build_id_bytes = note->n_descsz < sizeof module->build_id ? note->n_descsz : sizeof module->build_id;
        memcpy(module->build_id, (const void *)data, module->build_id_bytes);
        return;
      }
      at = data + ((note->n_descsz + 3) & ~3u);
    }
  }
}

static void register_in_store(struct mp_loaded *object) {
  struct mp_module module = {
      .start = object->start, .end = object->end, .bias = object->bias, .first_generation = object->generation};
  module.is_main = object->path == executable_path;
  if (mp_peek_range((uintptr_t)object->path, 1))
    module.path = mp_store_string(object->path, strnlen(object->path, 4096));
  read_build_id(object, &module);
  uint32_t index = mp_store_module(&module);
  if (index == MP_NONE) return;
  /* An object that came back where it was keeps its first record, and its frames that record's generation. */
  uint32_t generation = ((const struct mp_module *)mp_store_region(MP_REGION_MODULES))[index].first_generation;
  __atomic_store_n(&object->generation, generation, __ATOMIC_RELAXED);
  __atomic_store_n(&object->registered, true, __ATOMIC_RELEASE);
}

static bool same(const struct mp_loaded *a, const struct mp_loaded *b) {
  return a->start == b->start && a->end == b->end && a->bias == b->bias && a->cfi.hdr == b->cfi.hdr &&
         a->path == b->path;
}

static struct mp_loaded *known_at(uintptr_t pc) {
  for (uint32_t i = __atomic_load_n(&loaded_count, __ATOMIC_ACQUIRE); i-- > 0;) {
    if (loaded[i].start <= pc && pc < loaded[i].end) return &loaded[i];
  }
  return NULL;
}

static uint32_t current_generation(void) { return __atomic_load_n(&mp_map_generation, __ATOMIC_RELAXED); }

static bool is_current(const struct mp_loaded *object) {
  return __atomic_load_n(&object->checked_at, __ATOMIC_ACQUIRE) == current_generation() &&
         (__atomic_load_n(&object->registered, __ATOMIC_ACQUIRE) || object->start == own_start);
}

/* Copies a known object if it is current. Whoever brings it up to date clears `registered` before anything else, so a
 * generation that was read while it was set is right. */
static bool copy_current(const struct mp_loaded *known, struct mp_loaded *out) {
  if (!is_current(known)) return false;
  *out = (struct mp_loaded){.start = known->start,
                            .end = known->end,
                            .bias = known->bias,
                            .cfi = known->cfi,
                            .path = known->path,
                            .generation = __atomic_load_n(&known->generation, __ATOMIC_ACQUIRE)};
  return is_current(known);
}

/* Under the lock. What is known never moves: readers look at it without the lock. */
static bool learn(uintptr_t pc, struct mp_loaded *out) {
  struct mp_loaded *known = known_at(pc), now;
  if (known && copy_current(known, out)) return true;
  if (!find(pc, &now)) return false;
  now.generation = now.checked_at = current_generation();
  struct mp_loaded *entry = known && same(known, &now) ? known : NULL;
  if (!entry && loaded_count < MAX_LOADED) {
    entry = &loaded[loaded_count];
    *entry = now;
    __atomic_store_n(&loaded_count, loaded_count + 1, __ATOMIC_RELEASE);
  }
  if (!entry) entry = &now; /* after thousands of reloads: not remembered, but right */
  if (entry->checked_at != now.checked_at) {
    /* The same addresses and loader entry: most likely never unloaded. At registration its build id decides. */
    __atomic_store_n(&entry->registered, false, __ATOMIC_RELEASE);
    __atomic_store_n(&entry->generation, now.generation, __ATOMIC_RELEASE);
    __atomic_store_n(&entry->checked_at, now.checked_at, __ATOMIC_RELEASE);
  }
  if (!entry->registered && !mp_is_own_code(pc)) register_in_store(entry);
  *out = *entry;
  return true;
}

bool mp_module_at(uintptr_t pc, struct mp_loaded *out) {
  const struct mp_loaded *known = known_at(pc);
  if (known && copy_current(known, out)) return true;
  if (!mp_lock_acquire(&lock)) return false;
  bool found = learn(pc, out);
  mp_lock_release(&lock);
  return found;
}

void mp_modules_changed(void) {
  __atomic_fetch_add(&mp_map_generation, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&mp_modules_epoch, 1, __ATOMIC_RELEASE);
}

void mp_modules_left(void) { mp_lock_release_left(&lock); }

void mp_modules_forget(void) {
  mp_lock_release(&lock);
  for (uint32_t i = 0; i < loaded_count; i++) __atomic_store_n(&loaded[i].registered, false, __ATOMIC_RELEASE);
  __atomic_fetch_add(&mp_modules_epoch, 1, __ATOMIC_RELEASE);
}

bool mp_is_own_code(uintptr_t pc) { return own_start <= pc && pc < own_end; }

size_t mp_own_image_bytes(void) { return own_end - own_start; }

void mp_modules_init(void) {
  ssize_t length = readlink("/proc/self/exe", executable_path, sizeof executable_path - 1);
  executable_path[length > 0 ? length : 0] = 0;
  find_object = (int (*)(void *, struct found_object *))mp_symbol("_dl_find_object");
  struct mp_loaded self;
  if (find((uintptr_t)&mp_modules_init, &self)) {
    own_start = self.start;
    own_end = self.end;
  }
}
