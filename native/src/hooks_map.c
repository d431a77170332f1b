/* mmap and its relatives, and dlclose. Mappings are not sampled: they are few, large, and followed exactly. */
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "arch.h"
#include "clock.h"
#include "hooks.h"
#include "maths.h"
#include "mappings.h"
#include "modules.h"
#include "peek.h"
#include "real.h"
#include "sampler.h"
#include "store.h"
#include "tags.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define PAGE_BYTES 4096ull

static uint64_t page_up(uint64_t bytes) { return (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1); }

/* --- events --- */

static void store_event(enum mp_event_type type, uint64_t start, uint64_t bytes, uint32_t site, uint32_t tag,
                        uint64_t now_ns) {
  mp_store_event(&(struct mp_event){.time_ns = now_ns,
                                    .type = (uint16_t)type,
                                    .heap = (uint16_t)mp_site_heap(site),
                                    .tid = mp_thread.tid,
                                    .site = site,
                                    .tag = tag,
                                    .address = start,
                                    .size_bytes = bytes,
                                    .weight_bytes_f64 = mp_bits_of_double((double)bytes)});
}

static void on_committed(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns) {
  mp_site_add(site, 1, (double)bytes, 0, 0);
  store_event(MP_EVENT_COMMIT, start, bytes, site, mp_thread.tag, now_ns);
}

static void on_decommitted(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns) {
  uint8_t source;
  store_event(MP_EVENT_DECOMMIT, start, bytes, site, mp_tag_here(&source), now_ns);
}

static const struct mp_mapping_listener LISTENER = {on_committed, on_decommitted};

void mp_hooks_map_start(void) { mp_mappings_listen(&LISTENER); }

static void count(bool followed) { mp_count(followed ? MP_MAP_EVENTS : MP_DROPPED_MAPPINGS, 1); }

/* A custom allocator's own mappings are not counted: its blocks are. */
static bool is_allocator(const void *caller) { return mp_real_is_allocator_code((uintptr_t)caller); }

static void record_mapping(uint64_t start, size_t bytes, int protection, int flags) {
  uint64_t now_ns = mp_now_ns();
  uint32_t site = mp_site_here(flags & MAP_ANONYMOUS ? MP_HEAP_MMAP : MP_HEAP_FILE, MP_ARENA_UNKNOWN);
  count(site != MP_NONE && mp_mappings_map(start, start + page_up(bytes), protection != PROT_NONE, site, now_ns));
  mp_count(MP_SAMPLE_NS, mp_now_ns() - now_ns);
}

/* False for a range that the kernel refuses, and of which nothing may be forgotten therefore. */
static bool acceptable(uint64_t start, uint64_t bytes) {
  const uint64_t end = 1ull << MP_USER_ADDRESS_BITS;
  return bytes != 0 && (start & (PAGE_BYTES - 1)) == 0 && start < end && bytes <= end - start;
}

/* --- hooks --- */

static MP_SLOW void *map(void *address, size_t bytes, int protection, int flags, int fd, off_t offset,
                         const void *caller) {
  bool replaces = flags & MAP_FIXED;
  if (replaces) mp_peek_invalidate((uintptr_t)address, bytes);
  void *mapped = mp_real.mmap(address, bytes, protection, flags, fd, offset);
  if (mapped == MAP_FAILED) return mapped;
  int saved_errno = errno;
  if (replaces) mp_peek_invalidate((uintptr_t)address, bytes);
  if (!is_allocator(caller) && mp_enter()) {
    record_mapping((uintptr_t)mapped, bytes, protection, flags);
    mp_leave();
  }
  errno = saved_errno;
  return mapped;
}

MP_HOOK void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return map(address, bytes, protection, flags, fd, offset, __builtin_return_address(0));
}

/* off_t has 64 bits on every processor that we know. */
MP_HOOK void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return map(address, bytes, protection, flags, fd, offset, __builtin_return_address(0));
}

static void forget(uint64_t start, uint64_t bytes) {
  if (!mp_enter()) return;
  count(mp_mappings_unmap(start, start + page_up(bytes), mp_now_ns()));
  mp_leave();
}

MP_HOOK int munmap(void *address, size_t bytes) {
  int saved_errno = errno;
  uint64_t start = (uintptr_t)address;
  mp_peek_invalidate(start, bytes);
  bool foreseen = acceptable(start, bytes);
  if (foreseen) forget(start, bytes);
  errno = saved_errno;
  int result = mp_real.munmap(address, bytes);
  if (result == 0 && !foreseen) forget(start, bytes); /* a processor with more addresses, asked for by the program */
  mp_peek_invalidate(start, bytes);
  return result;
}

/* Most calls toggle between readable and executable and change nothing here: those cost a lookup, no stack. */
static void record_protection(uint64_t start, uint64_t end, bool committed) {
  struct mp_mapping_change change = mp_mappings_would_change(start, end, committed);
  if (!change.any) return;
  uint32_t site = change.first_site;
  if (committed) {
    site = mp_site_here((enum mp_heap)mp_site_heap(site), MP_ARENA_UNKNOWN);
  }
  count(site != MP_NONE && mp_mappings_protect(start, end, committed, site, mp_now_ns()));
}

MP_HOOK int mprotect(void *address, size_t bytes, int protection) {
  uint64_t start = (uintptr_t)address;
  if (!(protection & PROT_READ)) mp_peek_invalidate(start, bytes);
  int result = mp_real.mprotect(address, bytes, protection);
  int saved_errno = errno;
  if (!(protection & PROT_READ)) mp_peek_invalidate(start, bytes);
  if (result == 0 && mp_enter()) {
    record_protection(start, start + page_up(bytes), protection != PROT_NONE);
    mp_leave();
  }
  errno = saved_errno;
  return result;
}

/* What is known of the old range is put aside before the call, because its addresses may be somebody else's afterwards.
 */
static void *move(void *old, size_t old_bytes, size_t new_bytes, int flags, void *new_address) {
  struct mp_moved_range moved;
  uint64_t old_size = page_up(old_bytes), new_size = page_up(new_bytes), start = (uintptr_t)old;
  bool followed = mp_mappings_take(start, start + old_size, &moved);
  void *result = mp_real.mremap(old, old_bytes, new_bytes, flags, new_address);
  int saved_errno = errno;
  bool ok = result != MAP_FAILED;
  uint64_t now_ns = mp_now_ns(), at = ok ? (uintptr_t)result : start;
  if (ok && at != start) followed &= mp_mappings_unmap(at, at + new_size, now_ns); /* MREMAP_FIXED replaces */
  /* An old size of 0 duplicates a shared mapping; MREMAP_DONTUNMAP leaves the old range there, empty. */
  bool second_view = old_size == 0 || (flags & MREMAP_DONTUNMAP);
  followed &= mp_mappings_put(second_view ? start : at, &moved);
  if (ok && second_view) {
    uint32_t site = mp_site_here(flags & MREMAP_DONTUNMAP ? MP_HEAP_MMAP : MP_HEAP_FILE, MP_ARENA_UNKNOWN);
    followed &= site != MP_NONE && mp_mappings_map(at, at + new_size, true, site, now_ns);
  } else if (ok && new_size < old_size) {
    followed &= mp_mappings_unmap(at + new_size, at + old_size, now_ns);
  } else if (ok && new_size > old_size && moved.count > 0) {
    const struct mp_mapping_piece *last = &moved.pieces[moved.count - 1];
    uint32_t site = mp_site_here((enum mp_heap)mp_site_heap(last->site), MP_ARENA_UNKNOWN);
    followed &= site != MP_NONE && mp_mappings_map(at + old_size, at + new_size, last->committed, site, now_ns);
  }
  count(followed);
  errno = saved_errno;
  return result;
}

MP_HOOK void *mremap(void *old, size_t old_bytes, size_t new_bytes, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  void *new_address = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? va_arg(rest, void *) : NULL;
  va_end(rest);
  mp_peek_invalidate((uintptr_t)old, old_bytes);
  if (flags & MREMAP_FIXED) mp_peek_invalidate((uintptr_t)new_address, new_bytes);
  void *result;
  /* Of an old size of 0, a second view of a shared mapping is made. */
  bool plausible = acceptable((uintptr_t)old, old_bytes ? old_bytes : 1) && new_bytes <= 1ull << MP_USER_ADDRESS_BITS;
  if (plausible && !is_allocator(__builtin_return_address(0)) && mp_enter()) {
    result = move(old, old_bytes, new_bytes, flags, new_address);
    mp_leave();
  } else {
    result = mp_real.mremap(old, old_bytes, new_bytes, flags, new_address);
  }
  mp_peek_invalidate((uintptr_t)old, old_bytes);
  if (result != MAP_FAILED) mp_peek_invalidate((uintptr_t)result, new_bytes);
  return result;
}

/* --- dlclose --- */

static int read_unload_count(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  *(unsigned long long *)data = info->dlpi_subs;
  return 1;
}

/* Most dlclose calls only drop a reference; a new generation is needed when addresses may come to mean something else.
 * Here, outside of any allocation, the loader's lock is free to be taken. */
MP_HOOK int dlclose(void *handle) {
  unsigned long long before = 0, after = 0;
  bool watching = mp_thread.guard == 0 && mp_store_header() != NULL;
  if (watching) dl_iterate_phdr(read_unload_count, &before);
  int result = mp_real.dlclose(handle);
  mp_operators_forget();
  int saved_errno = errno;
  if (watching) dl_iterate_phdr(read_unload_count, &after);
  if (before != after && mp_enter()) {
    mp_modules_changed();
    mp_store_header()->map_generation = mp_map_generation;
    mp_store_event(&(struct mp_event){.time_ns = mp_now_ns(), .type = MP_EVENT_GENERATION, .tid = mp_thread.tid});
    mp_leave();
  }
  errno = saved_errno;
  return result;
}
