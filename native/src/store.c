/* The store's file: made once, sparse, grown page by page without ever risking SIGBUS. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "store_internal.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define GROWTH_STEP (64u << 10)
#define RETRY_NS 500000000ull
#define MIN_FILE_BYTES (1u << 20)
#define USUAL_LOCKED_BYTES (8u << 20) /* Linux gives it to everybody */
#define MAX_ORDINAL 4096

struct mp_store mp_store;

static const struct {
  uint32_t record_bytes;
  uint64_t capacity;
} SHAPE[MP_REGION_COUNT] = {
    [MP_REGION_STRINGS] = {1, 8u << 20},
    [MP_REGION_MODULES] = {sizeof(struct mp_module), 4096},
    [MP_REGION_FUNCTIONS] = {sizeof(struct mp_function), 1u << 16},
    [MP_REGION_NODES] = {sizeof(struct mp_node), 1u << 18},
    [MP_REGION_SITES] = {sizeof(struct mp_site), 1u << 17},
    [MP_REGION_LIVE] = {sizeof(struct mp_live), 1u << 18},
    [MP_REGION_MAPPINGS] = {sizeof(struct mp_mapping), 1u << 15},
    [MP_REGION_TAGS] = {sizeof(struct mp_tag), 1u << 16},
    [MP_REGION_RING] = {sizeof(struct mp_event), 1u << 16},
};

struct mp_header *mp_store_header(void) {
  return __atomic_load_n(&mp_store.header, __ATOMIC_ACQUIRE);
}

void *mp_store_region(enum mp_region_id id) { return mp_store.base[id]; }

uint64_t mp_store_capacity(enum mp_region_id id) { return mp_store.capacity[id]; }

uint64_t mp_store_used(enum mp_region_id id) { return __atomic_load_n(&mp_store.used[id], __ATOMIC_RELAXED); }

bool mp_store_frozen(void) {
  struct mp_header *header = mp_store_header();
  return header && __atomic_load_n(&header->frozen_at_ns, __ATOMIC_RELAXED) != 0;
}

void mp_count(enum mp_counter counter, uint64_t by) {
  struct mp_header *header = mp_store_header();
  if (header) __atomic_fetch_add(&header->counters[counter], by, __ATOMIC_RELAXED);
}

void mp_count_own_bytes(uint64_t bytes) {
  struct mp_header *header = mp_store_header();
  if (header) __atomic_fetch_add(&header->own_bytes, bytes, __ATOMIC_RELAXED);
}

/* Lays the regions out with every capacity halved `halvings` times; returns the file's size. */
static uint64_t lay_out(struct mp_region *regions, int halvings) {
  uint64_t offset = MP_HEADER_BYTES;
  for (int i = 0; i < MP_REGION_COUNT; i++) {
    uint64_t capacity = SHAPE[i].capacity >> halvings;
    regions[i] = (struct mp_region){.offset = offset, .capacity = capacity, .record_bytes = SHAPE[i].record_bytes};
    offset += (capacity * SHAPE[i].record_bytes + 4095) & ~4095ull;
  }
  return offset;
}

static void refuse(struct mp_control *control, enum mp_refusal why) {
  __atomic_fetch_add(&control->refusals[why], 1, __ATOMIC_RELAXED);
}

static uint64_t limit_of(int resource) {
  struct rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : UINT64_MAX;
}

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The addresses that we may reserve: the program needs most of what it is allowed. Everybody has a small limit of locked
 * memory; a large one belongs to a program that locks all it has, and the kernel then counts addresses. */
static uint64_t address_room(void) {
  uint64_t locked = limit_of(RLIMIT_MEMLOCK), room = smaller(limit_of(RLIMIT_AS), limit_of(RLIMIT_DATA)) / 16;
  return locked > USUAL_LOCKED_BYTES ? smaller(room, locked / 8) : room;
}

/* The largest layout that the limits allow: of RLIMIT_FSIZE strictly (beyond it ftruncate raises SIGXFSZ), of addresses as
 * far as there is a smaller one. Returns the file's size, 0 when there is none, and how often it was halved. */
static uint64_t fit_layout(struct mp_region *regions, int *halvings) {
  uint64_t allowed = limit_of(RLIMIT_FSIZE), room = address_room();
  for (*halvings = 0;; ++*halvings) {
    uint64_t bytes = lay_out(regions, *halvings);
    bool smallest = bytes < MIN_FILE_BYTES * 2;
    if (bytes <= allowed && (smallest || bytes + mp_memory_bytes(*halvings) <= room)) return bytes;
    if (bytes < MIN_FILE_BYTES) return 0;
  }
}

static int create_file(const char *directory, uint32_t pid, uint32_t *ordinal) {
  char path[512];
  for (uint32_t n = 0; n < MAX_ORDINAL; n++) {
    int length = snprintf(path, sizeof path, "%s/%u.%u.store", directory, pid, n);
    if (length < 0 || (size_t)length >= sizeof path) return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) *ordinal = n;
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

/* The program holds tags as numbers, which mean the same in a forked child: the table is copied, and the strings that it names,
 * before the new file takes the place of the old one. By pwrite, which answers ENOSPC where touching would kill. */
static bool inherit(int fd, const struct mp_region *regions, enum mp_region_id id) {
  uint64_t bytes = mp_store.used[id] * SHAPE[id].record_bytes;
  return mp_store.used[id] <= regions[id].capacity &&
         pwrite(fd, mp_store.base[id], bytes, (off_t)regions[id].offset) == (ssize_t)bytes;
}

static void show_inherited(const uint64_t *used, enum mp_region_id id) {
  mp_store.used[id] = used[id];
  mp_store.grown[id] = (used[id] * SHAPE[id].record_bytes + 4095) & ~4095ull;
  mp_store.header->regions[id].used = used[id];
  mp_count_own_bytes(mp_store.grown[id]);
}

bool mp_store_create(const char *directory, struct mp_control *control, bool forked) {
  struct mp_header header = {
      .version = MP_WIRE_VERSION,
      .header_bytes = MP_HEADER_BYTES,
      .pid = (uint32_t)getpid(),
      .parent_pid = (uint32_t)getppid(),
      .forked = forked,
      .page_bytes = (uint32_t)sysconf(_SC_PAGESIZE),
      .started_mono_ns = mp_now_ns(),
      .started_unix_ns = mp_unix_now_ns(),
      .mean_bytes = control->mean_bytes,
      .current_mean_bytes = control->mean_bytes,
      .own_bytes = MP_HEADER_BYTES,
  };
  int halvings;
  uint64_t bytes = fit_layout(header.regions, &halvings);
  if (bytes == 0) return refuse(control, MP_REFUSED_FILE_SIZE), false;
  if (!mp_memory_init(halvings)) return refuse(control, MP_REFUSED_MEMORY), false;
  header.file_bytes = bytes;

  int fd = create_file(directory, header.pid, &header.exec_ordinal);
  if (fd < 0) return refuse(control, errno == ENOSPC ? MP_REFUSED_NO_SPACE : MP_REFUSED_STORE_CREATE), false;
  /* The header goes in by pwrite, which answers ENOSPC where touching the mapping would kill the program. */
  bool written = ftruncate(fd, (off_t)bytes) == 0 && pwrite(fd, &header, sizeof header, 0) == (ssize_t)sizeof header;
  /* Where MADV_POPULATE_WRITE is unknown (Linux < 5.14), half of the space free now is what we dare to touch. */
  struct statfs space;
  uint64_t budget = fstatfs(fd, &space) == 0 ? (uint64_t)space.f_bavail * (uint64_t)space.f_bsize / 2 : 0;
  /* A forked child's store takes the place of its parent's: no new range (see memory.h). */
  char *place = bytes <= mp_store.mapped_bytes ? mp_store.mapped : NULL;
  bool inherits = forked && written && mp_store.used[MP_REGION_TAGS] > 0 &&
                  inherit(fd, header.regions, MP_REGION_STRINGS) && inherit(fd, header.regions, MP_REGION_TAGS);
  uint64_t used[MP_REGION_COUNT];
  memcpy(used, mp_store.used, sizeof used);
  int flags = MAP_SHARED | (place ? MAP_FIXED : 0);
  long mapped = written ? syscall(SYS_mmap, place, bytes, PROT_READ | PROT_WRITE, flags, fd, 0L) : -1;
  close(fd);
  if (mapped == -1) return refuse(control, written ? MP_REFUSED_MEMORY : MP_REFUSED_NO_SPACE), false;

  char *base = (char *)mapped;
  madvise(base, bytes, MADV_DONTDUMP); /* a core file would hold it all, and a second time */
  mp_store.mapped = base;
  mp_store.mapped_bytes = bytes;
  mp_store.growth_budget = budget;
  for (int i = 0; i < MP_REGION_COUNT; i++) {
    mp_store.base[i] = base + header.regions[i].offset;
    mp_store.capacity[i] = header.regions[i].capacity;
    mp_store.used[i] = 0;
    mp_store.grown[i] = 0;
    mp_store.full_until_ns[i] = 0;
  }
  struct mp_header *shared = (struct mp_header *)base;
  __atomic_store_n(&mp_store.header, shared, __ATOMIC_RELEASE);
  if (inherits) {
    show_inherited(used, MP_REGION_STRINGS);
    show_inherited(used, MP_REGION_TAGS);
    mp_intern_inherit();
    mp_tags_inherit();
  }
  return true;
}

void mp_store_publish(void) { __atomic_store_n(&mp_store.header->magic, MP_WIRE_MAGIC, __ATOMIC_RELEASE); }

void mp_store_forget(void) {
  /* The regions stay where they are: a free in another thread may look into them at any time. */
  __atomic_store_n(&mp_store.header, NULL, __ATOMIC_RELEASE);
  mp_lock_release(&mp_store.ring_lock);
  mp_lock_release(&mp_store.intern_lock);
  mp_intern_forget();
  mp_sites_forget();
  mp_tags_forget();
}

void mp_store_left(void) {
  mp_lock_release_left(&mp_store.ring_lock);
  mp_lock_release_left(&mp_store.intern_lock);
}

void mp_store_detach(void) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  (void)syscall(SYS_mmap, mp_store.mapped, mp_store.mapped_bytes, PROT_READ | PROT_WRITE, flags, -1, 0L);
}

/* Touches one step of the file for the kernel to say now whether the memory is there. */
static bool populate(char *start, size_t bytes) {
  if (madvise(start, bytes, MADV_POPULATE_WRITE) == 0) return true;
  if (errno != EINVAL) return false;
  uint64_t budget = __atomic_load_n(&mp_store.growth_budget, __ATOMIC_RELAXED);
  do {
    if (budget < bytes) return false;
  } while (!__atomic_compare_exchange_n(&mp_store.growth_budget, &budget, budget - bytes, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  return true;
}

/* Makes the first `bytes` of a region safe to touch: false when tmpfs is full (counted). Needs the region's lock. */
static bool reserve(enum mp_region_id id, uint64_t bytes) {
  uint64_t grown = __atomic_load_n(&mp_store.grown[id], __ATOMIC_ACQUIRE);
  if (bytes <= grown) return true;
  uint64_t end = (mp_store.capacity[id] * SHAPE[id].record_bytes + 4095) & ~4095ull;
  if (bytes > end) return false;
  /* The first steps are small: most processes are short and take few samples. */
  uint64_t step = grown < GROWTH_STEP ? GROWTH_STEP / 4 : GROWTH_STEP;
  uint64_t wanted = (bytes + step - 1) / step * step;
  if (wanted > end) wanted = end;
  /* A full file system makes every attempt slow, and there is one for each sample: ask again only after a while. */
  uint64_t now_ns = mp_now_ns();
  if (now_ns < mp_store.full_until_ns[id]) return false;
  if (!populate(mp_store.base[id] + grown, wanted - grown)) {
    mp_store.full_until_ns[id] = now_ns + RETRY_NS;
    mp_count(MP_DROPPED_GROWTH, 1);
    return false;
  }
  mp_count_own_bytes(wanted - grown);
  __atomic_store_n(&mp_store.grown[id], wanted, __ATOMIC_RELEASE);
  return true;
}

uint32_t mp_room_for(enum mp_region_id id, uint64_t count) {
  uint64_t used = mp_store_used(id);
  if (count > mp_store.capacity[id] - used) return MP_NONE;
  return reserve(id, (used + count) * SHAPE[id].record_bytes) ? (uint32_t)used : MP_NONE;
}

void mp_publish(enum mp_region_id id, uint64_t count) {
  uint64_t used = mp_store_used(id) + count;
  __atomic_store_n(&mp_store.used[id], used, __ATOMIC_RELAXED);
  __atomic_store_n(&mp_store.header->regions[id].used, used, __ATOMIC_RELEASE);
}

/* Slots are claimed by a ticket, so writers never wait for each other; only growth needs the lock. */
void mp_store_event(const struct mp_event *event) {
  struct mp_header *header = mp_store_header();
  if (!header) return;
  uint64_t *used = &header->regions[MP_REGION_RING].used; /* may be anything: only its remainder counts */
  uint64_t next = __atomic_load_n(used, __ATOMIC_RELAXED), capacity = mp_store.capacity[MP_REGION_RING];
  /* Room for this event and those of the threads beside us. */
  uint64_t ahead = next < capacity - 64 ? next + 64 : capacity;
  if (ahead * sizeof *event > __atomic_load_n(&mp_store.grown[MP_REGION_RING], __ATOMIC_ACQUIRE)) {
    if (!mp_lock_acquire(&mp_store.ring_lock)) return;
    bool room = reserve(MP_REGION_RING, ahead * sizeof *event);
    mp_lock_release(&mp_store.ring_lock);
    if (!room) return;
  }
  uint64_t number = __atomic_fetch_add(used, 1, __ATOMIC_RELAXED);
  struct mp_event *slot = (struct mp_event *)mp_store.base[MP_REGION_RING] + number % capacity;
  if ((char *)(slot + 1) >
      mp_store.base[MP_REGION_RING] + __atomic_load_n(&mp_store.grown[MP_REGION_RING], __ATOMIC_ACQUIRE))
    return;
  __atomic_store_n(&slot->ticket, 0, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  memcpy((char *)slot + sizeof slot->ticket, (const char *)event + sizeof event->ticket,
         sizeof *event - sizeof event->ticket);
  __atomic_store_n(&slot->ticket, number + 1, __ATOMIC_RELEASE);
}
