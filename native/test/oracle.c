/* A preload for tests: at every ORACLE_EVERY-th malloc it walks the stack with our unwinder and with libunwind, and at
 * exit writes to the file ORACLE_OUT samples frames mismatches roots frames: compared one by one from the leaf to the
 * first frame without unwind table (JIT code, V8's builtins), beyond which libunwind guesses; roots: walks that reached
 * a root by our unwinder's own account. Mismatches are described there too. */
#define UNW_LOCAL_ONLY
#include <fcntl.h>
#include <libunwind.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../src/cfi.h"
#include "../src/modules.h"
#include "../src/symbols.h"
#include "../src/unwind.h"

static __thread int inside __attribute__((tls_model("initial-exec")));
static void *(*real_malloc)(size_t);
static unsigned long calls, samples, frames, mismatches, roots, every = 97;
static int ready;
static char details[1 << 16];
static int details_bytes;

static int has_table(uintptr_t pc) {
  struct mp_loaded module;
  struct mp_frame_rules rules;
  if (!mp_module_at(pc - 1, &module) || !module.cfi.hdr) return 0;
  return mp_cfi_find(&module.cfi, pc - 1, &rules);
}

static void describe(const struct mp_stack *ours, void **theirs, int their_count, int at) {
  int room = (int)sizeof details - details_bytes;
  if (room < 300) return;
  struct mp_loaded module = {.path = "?"};
  uintptr_t before = at > 0 ? ours->frames[at - 1] & MP_FRAME_ADDRESS_MASK : 0;
  mp_module_at(before - 1, &module);
  details_bytes +=
      snprintf(details + details_bytes, (size_t)room, "frame %d of %d/%d after %s+0x%lx: ours %lx theirs %p\n", at,
               ours->count, their_count, module.path, before - module.bias,
               at < ours->count ? (unsigned long)(ours->frames[at] & MP_FRAME_ADDRESS_MASK) : 0,
               at < their_count ? theirs[at] : NULL);
}

static __attribute__((noinline)) void compare(void) {
  struct mp_stack ours;
  struct mp_registers here;
  void *all[400], **theirs = all;
  mp_registers_here(&here);
  mp_unwind(here, &ours);
  int count = unw_backtrace(all, 400);
  while (count > 0 && mp_is_own_code((uintptr_t)*theirs - 1)) theirs++, count--;
  samples++;
  roots += !(ours.flags & MP_SITE_STACK_BROKEN);
  for (int i = 0; i < ours.count; i++) {
    uintptr_t pc = ours.frames[i] & MP_FRAME_ADDRESS_MASK;
    if (i >= count || (uintptr_t)theirs[i] != pc) {
      mismatches++;
      describe(&ours, theirs, count, i);
      return;
    }
    frames++;
    if (!has_table(pc)) return;
  }
}

__attribute__((visibility("default"))) void *malloc(size_t bytes) {
  if (!real_malloc) real_malloc = (void *(*)(size_t))mp_symbol("malloc");
  if (ready && !inside && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % every == 0) {
    inside = 1;
    compare();
    inside = 0;
  }
  return real_malloc(bytes);
}

__attribute__((constructor)) static void start(void) {
  if (getenv("ORACLE_EVERY")) every = strtoul(getenv("ORACLE_EVERY"), NULL, 10);
  void *warm[8];
  inside = 1;
  mp_modules_init();
  unw_backtrace(warm, 8);
  inside = 0;
  ready = getenv("ORACLE_OUT") != NULL;
}

__attribute__((destructor)) static void end(void) {
  if (!ready) return;
  ready = 0;
  char line[100];
  int fd = open(getenv("ORACLE_OUT"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  int length = snprintf(line, sizeof line, "%lu %lu %lu %lu\n", samples, frames, mismatches, roots);
  if (write(fd, line, (size_t)length) < 0 || write(fd, details, (size_t)details_bytes) < 0) perror("oracle");
  close(fd);
}
