#include "allocator_figures.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "real.h"

struct text {
  char *at;
  size_t bytes, length;
};

static void add(struct text *text, const char *name, uint64_t value) {
  int length = snprintf(text->at + text->length, text->bytes - text->length, " %s %llu", name, (unsigned long long)value);
  if (length > 0 && (size_t)length < text->bytes - text->length) text->length += (size_t)length;
  else text->at[text->length] = 0;
}

/* jemalloc(3): statistics stand still until `epoch` is written. Those of pages are of all arenas (MALLCTL_ARENAS_ALL). */
static void jemalloc(struct text *text) {
  typedef int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
  static const char *const BYTES[] = {"stats.allocated", "stats.active",   "stats.metadata",
                                      "stats.resident",  "stats.retained", "stats.mapped"};
  static const char *const PAGES[] = {"stats.arenas.4096.pdirty", "stats.arenas.4096.pmuzzy"};
  static const char *const PAGE_NAMES[] = {"stats.arenas.pdirty", "stats.arenas.pmuzzy"};
  mallctl *ask = (mallctl *)mp_real_allocator_symbol("mallctl");
  if (!ask) ask = (mallctl *)mp_real_allocator_symbol("je_mallctl");
  uint64_t epoch = 1;
  if (!ask || ask("epoch", NULL, NULL, &epoch, sizeof epoch) != 0) return;
  for (size_t i = 0; i < sizeof BYTES / sizeof *BYTES; i++) {
    size_t value = 0, bytes = sizeof value;
    if (ask(BYTES[i], &value, &bytes, NULL, 0) == 0) add(text, BYTES[i], value);
  }
  for (size_t i = 0; i < sizeof PAGES / sizeof *PAGES; i++) {
    size_t value = 0, bytes = sizeof value;
    if (ask(PAGES[i], &value, &bytes, NULL, 0) == 0) add(text, PAGE_NAMES[i], value * (size_t)sysconf(_SC_PAGESIZE));
  }
}

/* mimalloc.h: what it has from the system and made accessible. It counts blocks in debug builds only. */
static void mimalloc(struct text *text) {
  typedef void process_info(size_t *elapsed_ms, size_t *user_ms, size_t *system_ms, size_t *rss, size_t *peak_rss,
                            size_t *commit, size_t *peak_commit, size_t *page_faults);
  process_info *ask = (process_info *)mp_real_allocator_symbol("mi_process_info");
  if (!ask) return;
  size_t none, commit = 0;
  ask(&none, &none, &none, &none, &none, &commit, &none, &none);
  add(text, "committed", commit);
}

/* gperftools' malloc_extension_c.h. */
static void tcmalloc(struct text *text) {
  typedef int get_property(const char *name, size_t *value);
  static const char *const NAMES[] = {"generic.current_allocated_bytes",
                                      "generic.heap_size",
                                      "tcmalloc.pageheap_free_bytes",
                                      "tcmalloc.pageheap_unmapped_bytes",
                                      "tcmalloc.current_total_thread_cache_bytes"};
  get_property *ask = (get_property *)mp_real_allocator_symbol("MallocExtension_GetNumericProperty");
  for (size_t i = 0; ask && i < sizeof NAMES / sizeof *NAMES; i++) {
    size_t value = 0;
    if (ask(NAMES[i], &value)) add(text, NAMES[i], value);
  }
}

size_t mp_allocator_figures(char *at, size_t bytes) {
  static const struct {
    enum mp_allocator allocator;
    const char *name;
    void (*tell)(struct text *text);
  } ALLOCATORS[] = {
    {MP_ALLOCATOR_JEMALLOC, "jemalloc", jemalloc},
    {MP_ALLOCATOR_MIMALLOC, "mimalloc", mimalloc},
    {MP_ALLOCATOR_TCMALLOC, "tcmalloc", tcmalloc},
  };
  enum mp_allocator allocator = mp_real_allocator();
  for (size_t i = 0; i < sizeof ALLOCATORS / sizeof *ALLOCATORS; i++) {
    if (ALLOCATORS[i].allocator != allocator) continue;
    struct text text = {at, bytes, (size_t)snprintf(at, bytes, "%s", ALLOCATORS[i].name)};
    size_t name = text.length;
    ALLOCATORS[i].tell(&text);
    return text.length > name ? text.length : 0;
  }
  return 0;
}
