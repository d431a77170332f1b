#include "mappings.h"

#include <string.h>

#include "lock.h"
#include "memory.h"
#include "store.h"

static struct mp_lock lock;
static const struct mp_mapping_listener *listener;

/* The slots in use, by address. A program has some hundred mappings, so moving the tail of an array is quicker than a
 * tree. */
static uint32_t *order;
static uint32_t order_count;
/* Freed slots, reused first. */
static uint32_t *freed;
static uint32_t freed_count;

static struct mp_mapping *slot_at(uint32_t slot) {
  return (struct mp_mapping *)mp_store_region(MP_REGION_MAPPINGS) + slot;
}

static struct mp_mapping *nth(uint32_t i) { return slot_at(order[i]); }

void mp_mappings_listen(const struct mp_mapping_listener *new_listener) { listener = new_listener; }

void mp_mappings_forget(void) {
  mp_lock_release(&lock);
  order = freed = NULL;
  order_count = freed_count = 0;
}

static bool begin(void) {
  if (!mp_store_header() || !mp_lock_acquire(&lock)) return false;
  if (order && freed) return true;
  uint64_t capacity = mp_store_capacity(MP_REGION_MAPPINGS);
  if (!order) order = mp_memory_take(capacity * sizeof *order);
  if (!freed) freed = mp_memory_take(capacity * sizeof *freed);
  if (order && freed) return true;
  mp_lock_release(&lock);
  return false;
}

/* Ends what begin() started; counts the change as lost when `done` is false. */
static bool finish(bool done) {
  mp_lock_release(&lock);
  return done;
}

/* --- records --- */

static void write_slot(struct mp_mapping *slot, const struct mp_mapping *value) {
  uint32_t sequence = slot->sequence;
  __atomic_store_n(&slot->sequence, sequence + 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  slot->start = value->start;
  slot->end = value->end;
  slot->committed_bytes = value->committed_bytes;
  slot->mapped_at_ns = value->mapped_at_ns;
  slot->site = value->site;
  __atomic_store_n(&slot->sequence, sequence + 2, __ATOMIC_RELEASE);
}

static void count_committed(uint64_t before, uint64_t after) {
  if (before != after) __atomic_fetch_add(&mp_store_header()->committed_bytes, after - before, __ATOMIC_RELAXED);
}

static void update(uint32_t i, const struct mp_mapping *value) {
  struct mp_mapping *slot = nth(i);
  count_committed(slot->committed_bytes, value->committed_bytes);
  write_slot(slot, value);
}

static bool insert(uint32_t i, const struct mp_mapping *value) {
  uint32_t slot;
  if (freed_count > 0) {
    slot = freed[--freed_count];
  } else {
    slot = mp_room_for(MP_REGION_MAPPINGS, 1);
    if (slot == MP_NONE) return false;
    mp_publish(MP_REGION_MAPPINGS, 1);
  }
  memmove(&order[i + 1], &order[i], (order_count - i) * sizeof *order);
  order[i] = slot;
  order_count++;
  count_committed(0, value->committed_bytes);
  write_slot(slot_at(slot), value);
  return true;
}

static void erase(uint32_t i) {
  uint32_t slot = order[i];
  update(i, &(struct mp_mapping){.end = 0});
  memmove(&order[i], &order[i + 1], (order_count - i - 1) * sizeof *order);
  order_count--;
  freed[freed_count++] = slot;
}

/* The first range that ends after `address`. */
static uint32_t first_after(uint64_t address) {
  uint32_t low = 0, high = order_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (nth(middle)->end > address) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

static struct mp_mapping part_of(const struct mp_mapping *whole, uint64_t start, uint64_t end) {
  struct mp_mapping part = *whole;
  part.start = start;
  part.end = end;
  part.committed_bytes = whole->committed_bytes ? end - start : 0;
  return part;
}

/* Makes `address` a border; false when the table is full. */
static bool split_at(uint64_t address) {
  uint32_t i = first_after(address);
  if (i == order_count || nth(i)->start >= address) return true;
  struct mp_mapping whole = *nth(i);
  struct mp_mapping tail = part_of(&whole, address, whole.end);
  if (!insert(i + 1, &tail)) return false;
  struct mp_mapping head = part_of(&whole, whole.start, address);
  update(i, &head);
  return true;
}

static bool split_around(uint64_t start, uint64_t end) { return split_at(start) && split_at(end); }

/* Joins the ranges on both sides of `address` if nothing tells them apart. */
static void join_at(uint64_t address) {
  uint32_t i = first_after(address);
  if (i == 0 || i == order_count) return;
  struct mp_mapping left = *nth(i - 1), right = *nth(i);
  if (left.end != address || right.start != address || left.site != right.site ||
      !left.committed_bytes != !right.committed_bytes)
    return;
  erase(i);
  struct mp_mapping joined = part_of(&left, left.start, right.end);
  update(i - 1, &joined);
}

/* --- operations --- */

static bool remove_range(uint64_t start, uint64_t end, uint64_t now_ns) {
  if (!split_around(start, end)) return false;
  uint32_t i = first_after(start);
  while (i < order_count && nth(i)->start < end) {
    struct mp_mapping gone = *nth(i);
    erase(i);
    if (gone.committed_bytes) listener->decommitted(gone.start, gone.committed_bytes, gone.site, now_ns);
  }
  return true;
}

bool mp_mappings_map(uint64_t start, uint64_t end, bool committed, uint32_t site, uint64_t now_ns) {
  if (!begin()) return false;
  struct mp_mapping value = {
      .start = start, .end = end, .committed_bytes = committed ? end - start : 0, .mapped_at_ns = now_ns, .site = site};
  bool done = remove_range(start, end, now_ns) && insert(first_after(start), &value);
  if (done && committed) listener->committed(start, end - start, site, now_ns);
  if (done) {
    join_at(start);
    join_at(end);
  }
  return finish(done);
}

bool mp_mappings_unmap(uint64_t start, uint64_t end, uint64_t now_ns) {
  return begin() && finish(remove_range(start, end, now_ns));
}

struct mp_mapping_change mp_mappings_would_change(uint64_t start, uint64_t end, bool committed) {
  struct mp_mapping_change change = {false, MP_NONE};
  if (!begin()) return change;
  for (uint32_t i = first_after(start); i < order_count && nth(i)->start < end && !change.any; i++) {
    if (!nth(i)->committed_bytes == committed) change = (struct mp_mapping_change){true, nth(i)->site};
  }
  finish(true);
  return change;
}

bool mp_mappings_protect(uint64_t start, uint64_t end, bool committed, uint32_t site, uint64_t now_ns) {
  if (!begin()) return false;
  bool done = split_around(start, end);
  for (uint32_t i = first_after(start); done && i < order_count && nth(i)->start < end; i++) {
    struct mp_mapping piece = *nth(i);
    uint64_t bytes = piece.end - piece.start, before = piece.committed_bytes;
    if (!before != committed) continue;
    if (committed) {
      piece.site = site;
      piece.mapped_at_ns = now_ns;
    }
    piece.committed_bytes = committed ? bytes : 0;
    update(i, &piece);
    if (committed) {
      listener->committed(piece.start, bytes, site, now_ns);
    } else {
      listener->decommitted(piece.start, bytes, piece.site, now_ns);
    }
  }
  /* Borders that the change made needless, inside and at both ends. */
  for (uint32_t i = first_after(start); done && i < order_count && nth(i)->start < end;) {
    uint64_t border = nth(i)->start;
    uint32_t count = order_count;
    join_at(border);
    if (order_count == count) i++;
  }
  if (done) join_at(end);
  return finish(done);
}

bool mp_mappings_take(uint64_t start, uint64_t end, struct mp_moved_range *moved) {
  moved->count = 0;
  if (!begin()) return false;
  bool done = split_around(start, end);
  uint32_t i = first_after(start);
  while (done && i < order_count && nth(i)->start < end) {
    struct mp_mapping whole = *nth(i);
    uint64_t offset = whole.start - start, bytes = whole.end - whole.start;
    if (moved->count < MP_MOVED_PIECES) {
      moved->pieces[moved->count++] =
          (struct mp_mapping_piece){offset, bytes, whole.mapped_at_ns, whole.site, whole.committed_bytes != 0};
    } else {
      struct mp_mapping_piece *last = &moved->pieces[MP_MOVED_PIECES - 1];
      last->bytes = offset + bytes - last->offset;
    }
    erase(i);
  }
  return finish(done);
}

bool mp_mappings_put(uint64_t start, const struct mp_moved_range *moved) {
  if (moved->count == 0) return true;
  if (!begin()) return false;
  bool done = true;
  for (int i = 0; i < moved->count; i++) {
    const struct mp_mapping_piece *piece = &moved->pieces[i];
    struct mp_mapping value = {.start = start + piece->offset,
                               .end = start + piece->offset + piece->bytes,
                               .committed_bytes = piece->committed ? piece->bytes : 0,
                               .mapped_at_ns = piece->mapped_at_ns,
                               .site = piece->site};
    done = insert(first_after(value.start), &value) && done;
    join_at(value.start);
  }
  return finish(done);
}
