#include "process.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch.h"
#include "arena.h"
#include "carrier.h"
#include "clock.h"
#include "hooks.h"
#include "live.h"
#include "mappings.h"
#include "memory.h"
#include "modules.h"
#include "real.h"
#include "sampler.h"
#include "store.h"
#include "store_internal.h"
#include "symbols.h"
#include "v8.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

enum mp_state mp_state = MP_STATE_EARLY;

static char run_directory[256];
static struct mp_control *control;
static int seccomp_at_start;

/* A word that the kernel zeroes in every child that gets a copy of our memory: a fork, a raw clone. A vfork child
 * shares our memory and sees it unchanged, which is right: its allocations are ours. */
static uint32_t *alive;
enum { NEW_COPY, OWN_STORE, BEING_SET_UP };

static bool open_control(void) {
  char path[sizeof run_directory + 16];
  snprintf(path, sizeof path, "%s/control", run_directory);
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  bool writable = fd >= 0;
  if (!writable) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW); /* another user's: refusals go uncounted */
  if (fd < 0) return false;
  /* MAP_SHARED even when read-only: cheap, and a private mapping lets refusals be "counted" harmlessly. */
  bool complete = lseek(fd, 0, SEEK_END) >= (off_t)sizeof *control;
  long mapped = complete ? syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE,
                                   writable ? MAP_SHARED : MAP_PRIVATE, fd, 0L)
                         : -1;
  close(fd);
  if (mapped == -1) return false;
  control = (struct mp_control *)mapped;
  return control->magic == MP_CONTROL_MAGIC && control->version == MP_WIRE_VERSION;
}

/* Our image in memory, less the variables that nothing has touched yet, and the pages mapped by this file. */
static uint64_t image_bytes(void) {
  uint64_t untouched = mp_live_untouched_bytes();
  if (mp_v8_state == MP_V8_NONE) untouched += mp_v8_cache_bytes();
  return mp_own_image_bytes() - untouched + sizeof *control + 4096;
}

static void fill_header(struct mp_header *header) {
  header->arch = MP_ARCH;
  header->libc = (uint8_t)mp_real_libc();
  header->allocator = (uint8_t)mp_real_allocator();
  header->v8_state = (uint8_t)mp_v8_state;
  header->v8_major = mp_v8_version.major;
  header->v8_minor = mp_v8_version.minor;
  header->v8_build = mp_v8_version.build;
  header->map_generation = mp_map_generation;
  mp_count_own_bytes(image_bytes());
  prctl(PR_GET_NAME, header->comm);
}

static bool create_store(bool forked) {
  if (!mp_store_create(run_directory, control, forked)) return false;
  fill_header(mp_store_header());
  mp_store_publish();
  return true;
}

static void watch_for_forks(void) {
  long page = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
  if (page == -1) return;
  alive = (uint32_t *)page;
  *alive = OWN_STORE;
  (void)madvise(alive, 4096, MADV_WIPEONFORK);
  /* Linux < 4.14 has no such advice, and emulators (qemu) say yes to it and do nothing: there, only forks that go through
   * the C library are noticed. */
  int (*register_atfork)(void (*)(void), void (*)(void), void (*)(void), void *) = mp_symbol("__register_atfork");
  extern void *__dso_handle __attribute__((weak, visibility("hidden")));
  extern void mp_process_forked(void);
  if (register_atfork) register_atfork(NULL, NULL, mp_process_forked, &__dso_handle);
}

/* In the child of a fork. If it has a store of its own by now, the kernel had told. */
void mp_process_forked(void) {
  if (mp_state != MP_STATE_ON || mp_store_header()->pid == (uint32_t)getpid()) return;
  __atomic_store_n(alive, NEW_COPY, __ATOMIC_RELEASE);
  /* Forked by a signal handler that interrupted our own code, to which it may return. */
  if (mp_thread.guard != 0) mp_store_detach();
}

/* File calls after start can be fatal in a sandbox: a child that has put on a seccomp filter since gets no store. */
static bool may_open_files(void) { return prctl(PR_GET_SECCOMP) == seccomp_at_start; }

bool mp_process_check_fork(void) {
  if (!alive) return true;
  uint32_t state = __atomic_load_n(alive, __ATOMIC_ACQUIRE);
  if (mp_likely(state == OWN_STORE)) return true;
  /* One thread came through the fork, but it may have started others since: the first does this, the rest stay out. */
  if (state != NEW_COPY ||
      !__atomic_compare_exchange_n(alive, &state, BEING_SET_UP, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return false;
  /* What is inherited belongs to the parent's store. */
  mp_live_forget();
  mp_store_forget();
  mp_mappings_forget();
  mp_modules_forget();
  mp_memory_forget();
  mp_v8_forget();
  mp_thread.tid = (uint32_t)syscall(SYS_gettid);
  if (!may_open_files() || !create_store(true)) __atomic_store_n(&mp_state, MP_STATE_OFF, __ATOMIC_RELEASE);
  __atomic_store_n(alive, OWN_STORE, __ATOMIC_RELEASE);
  return true;
}

void mp_process_freeze(void) {
  if (!mp_enter()) return;
  struct mp_header *header = mp_store_header();
  uint64_t now_ns = mp_now_ns(), running = 0;
  mp_store_event(&(struct mp_event){.time_ns = now_ns, .type = MP_EVENT_FREEZE, .tid = mp_thread.tid});
  __atomic_compare_exchange_n(&header->frozen_at_ns, &running, now_ns, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
  mp_leave();
}

static bool start(void) {
  mp_real_resolve();
  const char *directory = getenv("MEMPROF_RUN_DIR");
  if (!directory || strlen(directory) >= sizeof run_directory) return false;
  strcpy(run_directory, directory);
  if (!open_control() || (control->flags & MP_CONTROL_NO_NATIVE)) return false;
  if (mp_real_libc() == MP_LIBC_UNKNOWN) {
    __atomic_fetch_add(&control->refusals[MP_REFUSED_LIBC], 1, __ATOMIC_RELAXED);
    return false;
  }
  seccomp_at_start = prctl(PR_GET_SECCOMP);
  watch_for_forks();
  mp_modules_init();
  mp_v8_init();
  mp_arena_init();
  mp_hooks_map_start();
  mp_sampler_start(control->mean_bytes, control->max_samples_per_s, control->seed);
  if (!create_store(false)) return false;
  if (mp_v8_state != MP_V8_NONE) mp_carrier_watch_queues();
  return true;
}

/* Silent whatever happens: memprof says what is to be said, from the control file's counts. */
__attribute__((constructor)) void mp_process_start(void) {
  if (mp_state != MP_STATE_EARLY) return;
  mp_thread.guard = UINTPTR_MAX;
  bool started = start();
  mp_thread.guard = 0;
  __atomic_store_n(&mp_state, started ? MP_STATE_ON : MP_STATE_OFF, __ATOMIC_RELEASE);
}

static bool stopped;

void mp_process_stop(void) {
  enum mp_state on = MP_STATE_ON;
  stopped = __atomic_compare_exchange_n(&mp_state, &on, MP_STATE_OFF, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void mp_process_resume(void) {
  if (stopped) __atomic_store_n(&mp_state, MP_STATE_ON, __ATOMIC_RELEASE);
}
