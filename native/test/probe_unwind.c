#include "probe_unwind.h"

#include <dlfcn.h>
#include <string.h>

/* .eh_frame_hdr: version 1, three encodings, address of .eh_frame, count, then (start, FDE) pairs relative to the header,
 * sorted by start. */
struct header {
  uint8_t version, frame_encoding, count_encoding, table_encoding;
  int32_t frame;
  uint32_t count;
  struct {
    int32_t start, fde;
  } entries[];
};

#define UDATA4 0x03
#define DATAREL_SDATA4 0x3b

bool probe_has_unwind_table(uintptr_t pc) {
  struct dl_find_object object;
  if (_dl_find_object((void *)pc, &object) != 0) return false;
  const struct header *header = object.dlfo_eh_frame;
  if (!header || header->version != 1 || header->count_encoding != UDATA4 || header->table_encoding != DATAREL_SDATA4) return false;
  int64_t key = (int64_t)(pc - (uintptr_t)header);
  uint32_t low = 0, high = header->count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (header->entries[middle].start <= key) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return false;
  /* FDE: length, CIE pointer, start (pc-relative, as all compilers make it), size of the code. */
  const uint8_t *fde = (const uint8_t *)header + header->entries[low - 1].fde;
  uint32_t size;
  memcpy(&size, fde + 12, sizeof size);
  return key - header->entries[low - 1].start < (int64_t)size;
}
