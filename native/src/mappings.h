/* The mapped ranges that the program asked for itself (mmap and its relatives), exactly: what is committed, where, by
 * whom.
 *
 * A range is committed while its protection is not PROT_NONE. What the C library maps behind the hooks' back (malloc's
 * own chunks, thread stacks, libraries) is not here: those bytes are counted where they are handed out. */
#ifndef MEMPROF_MAPPINGS_H
#define MEMPROF_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

/* What happened to a range, reported under the table's lock, for counters and events. Never NULL. */
struct mp_mapping_listener {
  void (*committed)(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns);
  void (*decommitted)(uint64_t start, uint64_t bytes, uint32_t site, uint64_t now_ns);
};
void mp_mappings_listen(const struct mp_mapping_listener *listener);

/* A new range replaces whatever was there. */
bool mp_mappings_map(uint64_t start, uint64_t end, bool committed, uint32_t site, uint64_t now_ns);

/* Call before the kernel lets go of the range: another thread may be given its addresses at once. */
bool mp_mappings_unmap(uint64_t start, uint64_t end, uint64_t now_ns);

/* The pieces of a range that such a protection would change. */
struct mp_mapping_change {
  bool any;
  uint32_t first_site; /* of the first piece that changes */
};
struct mp_mapping_change mp_mappings_would_change(uint64_t start, uint64_t end, bool committed);

/* Newly committed pieces get the site of the call that committed them; others keep theirs. */
bool mp_mappings_protect(uint64_t start, uint64_t end, bool committed, uint32_t site, uint64_t now_ns);

/* Moving a range (mremap): taken out before the call, put back after it, wherever it then is, without events: no byte
 * was committed or given back. Of more than MP_MOVED_PIECES pieces the last ones are joined. */
#define MP_MOVED_PIECES 16
struct mp_mapping_piece {
  uint64_t offset, bytes; /* from the range's start */
  uint64_t mapped_at_ns;
  uint32_t site;
  bool committed;
};
struct mp_moved_range {
  int count;
  struct mp_mapping_piece pieces[MP_MOVED_PIECES];
};
bool mp_mappings_take(uint64_t start, uint64_t end, struct mp_moved_range *moved);
bool mp_mappings_put(uint64_t start, const struct mp_moved_range *moved);

/* Forgets everything, in a forked child. */
void mp_mappings_forget(void);

#endif
