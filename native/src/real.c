#include "real.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "link_maps.h"
#include "sampler.h"
#include "symbols.h"

/* --- stubs until the first call --- */

#define X(result, name, parameters, arguments) \
  static result first_##name parameters {      \
    mp_real_resolve();                         \
    return mp_real.name arguments;             \
  }
MP_REAL_FUNCTIONS(X)
#undef X
#define X(name, parameters, arguments)  \
  static void first_##name parameters { \
    mp_real_resolve();                  \
    mp_real.name arguments;             \
  }
MP_REAL_PROCEDURES(X)
#undef X

struct mp_real mp_real = {
#define X(result, name, parameters, arguments) .name = first_##name,
    MP_REAL_FUNCTIONS(X)
#undef X
#define X(name, parameters, arguments) .name = first_##name,
        MP_REAL_PROCEDURES(X)
#undef X
};

/* --- stand-ins for what the allocator does not have --- */

static void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

/* What the program's own calls reach: where an allocator stands before us, its functions, and not those behind us. The
 * stand-ins for what it does not have get its blocks. */
static void (*program_free)(void *old);
static void *(*program_realloc)(void *old, size_t bytes);

static void *own_reallocarray(void *old, size_t count, size_t bytes) {
  size_t total;
  if (__builtin_mul_overflow(count, bytes, &total)) return no_memory();
  return program_realloc(old, total);
}

/* Only where nobody in the process has these at all. */
static void *no_calloc(size_t count, size_t bytes) {
  (void)count;
  (void)bytes;
  return no_memory();
}

static void *no_realloc(void *old, size_t bytes) {
  (void)old;
  (void)bytes;
  return no_memory();
}

static void no_free(void *old) { (void)old; }

static void *own_memalign(size_t alignment, size_t bytes) {
  void *out = NULL;
  int error = mp_real.posix_memalign(&out, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes);
  if (error == 0) return out;
  errno = error;
  return NULL;
}

static int own_posix_memalign(void **out, size_t alignment, size_t bytes) {
  if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  if (mp_real.memalign == own_memalign) return ENOMEM; /* that would come back here */
  int saved = errno;
  void *memory = mp_real.memalign(alignment, bytes);
  errno = saved;
  if (!memory) return ENOMEM;
  *out = memory;
  return 0;
}

/* musl's calloc calls malloc, that is us, for what its caller counted already: give the bytes back first. */
static void *(*musl_calloc)(size_t, size_t);

static void *calloc_by_malloc(size_t count, size_t bytes) {
  size_t total;
  if (!__builtin_mul_overflow(count, bytes, &total)) mp_thread.left += mp_countdown_of(total);
  return musl_calloc(count, bytes);
}

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static void *own_valloc(size_t bytes) { return mp_real.memalign(page_bytes(), bytes); }

static void *own_pvalloc(size_t bytes) {
  size_t page = page_bytes(), total;
  if (__builtin_add_overflow(bytes, page - 1, &total)) return no_memory();
  return mp_real.memalign(page, total & ~(page - 1));
}

static void own_free_sized(void *old, size_t bytes) {
  (void)bytes;
  program_free(old);
}

static void own_free_aligned_sized(void *old, size_t alignment, size_t bytes) {
  (void)alignment;
  (void)bytes;
  program_free(old);
}

static void own_cfree(void *old) { program_free(old); }

/* Where the C library hides these (a static-looking libc), the kernel answers. */
static void *own_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
}
static int own_munmap(void *address, size_t bytes) { return (int)syscall(SYS_munmap, address, bytes); }
static int own_mprotect(void *address, size_t bytes, int protection) {
  return (int)syscall(SYS_mprotect, address, bytes, protection);
}
static void *own_mremap(void *old, size_t old_bytes, size_t new_bytes, int flags, void *new_address) {
  return (void *)syscall(SYS_mremap, old, old_bytes, new_bytes, flags, new_address);
}
static int own_dlclose(void *handle) {
  (void)handle;
  return 0; /* nothing can have been opened */
}

/* --- resolving --- */

static const struct link_map *allocator_object;
static uintptr_t allocator_start, allocator_end;
static enum mp_allocator allocator;
static enum mp_libc libc_kind;

/* What the object that defines malloc has. */
static void *from_allocator(const char *name) {
  const struct link_map *at = NULL;
  void *address = mp_symbol_in(name, &at);
  return at == allocator_object ? address : NULL;
}

/* A member of the malloc family, the next one behind ours; but not from behind the object that defines
 * malloc if there is a stand-in by that object's own functions: another allocator's memory would end in the wrong free.
 * Not every library that defines malloc has the rest: some only count its calls and pass them on. */
static void *from_family(const char *name, bool has_stand_in) {
  const struct link_map *at = NULL;
  void *address = mp_symbol_in(name, &at);
  if (!address || !has_stand_in) return address;
  for (const struct link_map *behind = allocator_object; (behind = mp_link_map_behind(behind)) != NULL;) {
    if (behind == at) return NULL;
  }
  return address;
}

/* Where the allocator's code lies, to tell its calls of mmap from the program's. */
static void find_extent(const struct link_map *map) {
  const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)map->l_addr;
  if (map->l_addr == 0 || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
  const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(map->l_addr + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++) {
    if (segments[i].p_type == PT_LOAD) allocator_end = map->l_addr + segments[i].p_vaddr + segments[i].p_memsz;
  }
  allocator_start = map->l_addr;
}

static enum mp_allocator recognise(void) {
  if (from_allocator("gnu_get_libc_version")) return MP_ALLOCATOR_GLIBC; /* not __libc_malloc: others export that too */
  if (from_allocator("mallctl") || from_allocator("je_mallctl")) return MP_ALLOCATOR_JEMALLOC;
  if (from_allocator("mi_malloc")) return MP_ALLOCATOR_MIMALLOC;
  if (from_allocator("tc_malloc") || from_allocator("TCMallocInternalMalloc") ||
      from_allocator("MallocExtension_Internal_GetNumericProperty"))
    return MP_ALLOCATOR_TCMALLOC;
  return MP_ALLOCATOR_OTHER;
}

#define ANY(name, stand_in)                                                \
  do {                                                                     \
    void *found_ = mp_symbol(#name);                                       \
    mp_real.name = found_ ? (__typeof__(mp_real.name))found_ : (stand_in); \
  } while (0)
/* `base` is what the stand-in calls: the allocator must have it. */
#define FAMILY(name, base, stand_in)                                       \
  do {                                                                     \
    void *found_ = from_family(#name, base);                               \
    mp_real.name = found_ ? (__typeof__(mp_real.name))found_ : (stand_in); \
  } while (0)

void mp_real_resolve(void) {
  if (mp_real.malloc != first_malloc) return;
  /* Two threads may do this at once; both write the same. malloc comes last: it tells that the rest is there. */
  void *malloc_address = mp_symbol_in("malloc", &allocator_object);
  if (!malloc_address) {
    static const char MESSAGE[] = "memprof: this program has no malloc to profile\n";
    ssize_t ignored = write(2, MESSAGE, sizeof MESSAGE - 1);
    (void)ignored;
    _exit(125);
  }
  ANY(mmap, own_mmap);
  ANY(munmap, own_munmap);
  ANY(mprotect, own_mprotect);
  ANY(mremap, own_mremap);
  ANY(dlclose, own_dlclose);
  bool frees = from_allocator("free"), reallocates = from_allocator("realloc");
  bool aligns = from_allocator("memalign"), aligns_posix = from_allocator("posix_memalign");
  FAMILY(free, false, no_free);
  FAMILY(calloc, false, no_calloc);
  FAMILY(realloc, false, no_realloc);
  void *its_free = mp_symbol_of_program("free"), *its_realloc = mp_symbol_of_program("realloc");
  program_free = its_free ? (__typeof__(program_free))its_free : no_free;
  program_realloc = its_realloc ? (__typeof__(program_realloc))its_realloc : no_realloc;
  FAMILY(memalign, aligns_posix, own_memalign);
  FAMILY(posix_memalign, aligns, own_posix_memalign);
  FAMILY(aligned_alloc, aligns || aligns_posix, mp_real.memalign);
  FAMILY(reallocarray, reallocates, own_reallocarray);
  FAMILY(valloc, aligns || aligns_posix, own_valloc);
  FAMILY(pvalloc, aligns || aligns_posix, own_pvalloc);
  FAMILY(cfree, frees, own_cfree);
  FAMILY(free_sized, frees, own_free_sized);
  FAMILY(free_aligned_sized, frees, own_free_aligned_sized);
  allocator = recognise();
  const struct link_map *libc_object = NULL;
  if (mp_symbol("gnu_get_libc_version")) {
    libc_kind = MP_LIBC_GLIBC;
  } else if (mp_symbol_in("__libc_start_main", &libc_object) && libc_object->l_name &&
             strstr(libc_object->l_name, "musl")) {
    libc_kind = MP_LIBC_MUSL;
  }
  if (libc_kind == MP_LIBC_MUSL && libc_object == allocator_object) {
    musl_calloc = (__typeof__(musl_calloc))from_allocator("calloc");
    mp_real.calloc = calloc_by_malloc;
  }
  /* In an executable with its own malloc not every mmap is the allocator's. */
  bool apart = allocator_object != mp_link_maps();
  if (allocator != MP_ALLOCATOR_GLIBC && libc_kind == MP_LIBC_GLIBC && apart) find_extent(allocator_object);
  __atomic_store_n(&mp_real.malloc, (__typeof__(mp_real.malloc))malloc_address, __ATOMIC_RELEASE);
}

enum mp_allocator mp_real_allocator(void) { return allocator; }
void *mp_real_allocator_symbol(const char *name) { return from_allocator(name); }

bool mp_real_is_allocator_code(uintptr_t pc) { return allocator_start <= pc && pc < allocator_end; }

enum mp_libc mp_real_libc(void) { return libc_kind; }
