/* A preload for the tests and the bench of JavaScript frames: the decoder without the sampler. It hooks allocations, walks
 * frame pointers (Node is built with them) and writes what mp_v8_decode says. Only for glibc and x64.
 *
 *   JS_PROBE_LOG     file for the stacks of marked allocations, one per line: what stub_store.h prints
 *   JS_PROBE_MAGIC   an allocation is marked if its size is in [MAGIC, MAGIC + 65536): its mark is size - MAGIC
 *   JS_PROBE_ALL     walk for every allocation of at least so many bytes, to time it or to verify it
 *   JS_PROBE_FUZZ    at marked allocations, decode so many made-up frames as well
 *   JS_PROBE_STATS   file for a JSON object at exit
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../src/peek.h"
#include "../src/v8.h"
#include "../src/v8_internal.h"
#include "probe_unwind.h"
#include "stub_store.h"

#define MAX_FRAMES 400
#define HISTOGRAM_STEP_NS 50
#define HISTOGRAM_STEPS 2000

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);

static size_t magic, all_from, fuzz_rounds;
static int log_fd = -1;
static _Atomic int ready;
static __thread int busy __attribute__((tls_model("initial-exec")));
static _Atomic uint64_t walks, js_walks, native_frames, js_frames, unpositioned, histogram[HISTOGRAM_STEPS], init_ns;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The answer for a pc does not change while its object stays loaded; the sampler remembers it as well. */
static bool has_unwind_table(uintptr_t pc) {
  static _Atomic uintptr_t known[4096]; /* pc << 1 | answer */
  _Atomic uintptr_t *entry = &known[(pc * 0x9e3779b97f4a7c15ull) >> 52];
  uintptr_t answer = *entry;
  if (answer >> 1 != pc) *entry = answer = pc << 1 | probe_has_unwind_table(pc);
  return answer & 1;
}

static int walk(uintptr_t pc, uintptr_t fp, uint64_t *frames) {
  int n = 0;
  while (n < MAX_FRAMES - 20) {
    int decoded = !has_unwind_table(pc - 1) ? mp_v8_decode(pc, fp, frames + n, 20) : 0;
    if (decoded == 0) frames[n] = pc;
    n += decoded == 0 ? 1 : decoded;
    if ((fp & 7) != 0 || !mp_peek_stack_range(fp, 16)) break;
    uintptr_t caller_fp = ((const uintptr_t *)fp)[0];
    pc = ((const uintptr_t *)fp)[1];
    if (caller_fp <= fp || pc < 4096) break;
    fp = caller_fp;
  }
  return n;
}

static uint64_t random_u64(void) {
  static __thread uint64_t state __attribute__((tls_model("initial-exec")));
  if (state == 0) state = 0x9e3779b97f4a7c15ull ^ (uintptr_t)&state;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* Decodes frames that are nonsense, each in its own way; a crash is the only wrong answer. */
static void fuzz(uintptr_t pc, uintptr_t fp) {
  uint64_t frames[20];
  struct frame {
    uint64_t slots[8];
  } made_up;
  for (size_t i = 0; i < fuzz_rounds; i++) {
    uint64_t r = random_u64();
    mp_v8_decode(r, random_u64(), frames, 20);
    mp_v8_decode(r >> 17, random_u64() >> 17, frames, 20);
    mp_v8_decode(pc + (r & 0xffff), fp + (r >> 16 & 0x7ff8), frames, 20);
    mp_v8_decode(random_u64(), fp, frames, 20);
    mp_v8_decode(pc, fp + (r & 0x1fff), frames, 20);
    /* Real words of this stack in wrong places, some of them bent a little. */
    if (!mp_peek_stack_range(fp, 4096)) continue;
    for (int k = 0; k < 8; k++) {
      uint64_t word = ((const uint64_t *)fp)[random_u64() % 512];
      uint64_t bend = random_u64();
      made_up.slots[k] = (bend & 7) == 0 ? word + ((bend >> 3) & 0x3ff8) : (bend & 7) == 1 ? word ^ (1ull << (bend >> 3 & 63)) : word;
    }
    mp_v8_decode(((const uint64_t *)fp)[random_u64() % 512], (uintptr_t)&made_up.slots[5], frames, 20);
  }
}

static __attribute__((noinline)) void sample(size_t size, uintptr_t pc, uintptr_t fp) {
  uint64_t frames[MAX_FRAMES];
  busy = 1;
  uint64_t begun = now_ns();
  int n = walk(pc, fp, frames);
  uint64_t took = now_ns() - begun;
  int js = 0;
  for (int i = 0; i < n; i++) {
    if (!(frames[i] & MP_FRAME_JS)) continue;
    js++;
    if ((uint32_t)frames[i] == 0) unpositioned++;
  }
  walks++;
  if (js > 0) {
    js_walks++;
    js_frames += (uint64_t)js;
    native_frames += (uint64_t)(n - js);
    uint64_t step = took / HISTOGRAM_STEP_NS;
    histogram[step < HISTOGRAM_STEPS ? step : HISTOGRAM_STEPS - 1]++;
  }
  if (magic != 0 && size - magic < 65536) {
    if (log_fd >= 0) stub_print_stack(log_fd, size - magic, frames, n);
    if (fuzz_rounds > 0) {
      for (int i = 0; i < n && mp_peek_stack_range(fp, 16); i++) {
        fuzz(pc, fp);
        pc = ((const uintptr_t *)fp)[1];
        if (((const uintptr_t *)fp)[0] <= fp) break;
        fp = ((const uintptr_t *)fp)[0];
      }
    }
  }
  busy = 0;
}

static inline bool wanted(size_t size) {
  return ready && !busy && ((magic != 0 && size - magic < 65536) || size >= all_from);
}

#define SAMPLE(size)                                                                                   \
  do {                                                                                                 \
    uintptr_t *own_frame = __builtin_frame_address(0);                                                 \
    if (wanted(size)) sample(size, (uintptr_t)__builtin_return_address(0), own_frame[0]);              \
  } while (0)

void *malloc(size_t size) {
  SAMPLE(size);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  SAMPLE(count * size);
  return __libc_calloc(count, size);
}

int munmap(void *addr, size_t bytes) {
  mp_peek_invalidate((uintptr_t)addr, bytes);
  int result = (int)syscall(SYS_munmap, addr, bytes);
  mp_peek_invalidate((uintptr_t)addr, bytes);
  return result;
}

int mprotect(void *addr, size_t bytes, int protection) {
  mp_peek_invalidate((uintptr_t)addr, bytes);
  int result = (int)syscall(SYS_mprotect, addr, bytes, protection);
  mp_peek_invalidate((uintptr_t)addr, bytes);
  return result;
}

void *mmap(void *addr, size_t bytes, int protection, int flags, int fd, off_t offset) {
  if (flags & MAP_FIXED) mp_peek_invalidate((uintptr_t)addr, bytes);
  void *result = (void *)syscall(SYS_mmap, addr, bytes, protection, flags, fd, offset);
  if (flags & MAP_FIXED) mp_peek_invalidate((uintptr_t)addr, bytes);
  return result;
}

void *mmap64(void *addr, size_t bytes, int protection, int flags, int fd, off_t offset) __attribute__((alias("mmap")));

void *mremap(void *addr, size_t old_bytes, size_t new_bytes, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  void *to = va_arg(arguments, void *);
  va_end(arguments);
  mp_peek_invalidate((uintptr_t)addr, old_bytes);
  void *result = (void *)syscall(SYS_mremap, addr, old_bytes, new_bytes, flags, to);
  mp_peek_invalidate((uintptr_t)addr, old_bytes);
  return result;
}

static uint64_t quantile_ns(double q) {
  uint64_t wanted_count = (uint64_t)((double)js_walks * q), seen = 0;
  for (size_t i = 0; i < HISTOGRAM_STEPS; i++) {
    seen += histogram[i];
    if (seen > wanted_count) return i * HISTOGRAM_STEP_NS + HISTOGRAM_STEP_NS / 2;
  }
  return 0;
}

static size_t size_from_environment(const char *name, size_t otherwise) {
  const char *value = getenv(name);
  return value ? strtoul(value, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void begin(void) {
  busy = 1;
  uint64_t begun = now_ns();
  mp_v8_init();
  init_ns = now_ns() - begun;
  magic = size_from_environment("JS_PROBE_MAGIC", 0);
  all_from = size_from_environment("JS_PROBE_ALL", SIZE_MAX);
  fuzz_rounds = size_from_environment("JS_PROBE_FUZZ", 0);
  const char *log = getenv("JS_PROBE_LOG");
  if (log) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  busy = 0;
  ready = 1;
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("JS_PROBE_STATS");
  busy = 1;
  if (!path) return;
  FILE *file = fopen(path, "w");
  if (!file) return;
  double n = js_walks ? (double)js_walks : 1;
  fprintf(file, "{\"v8\":\"%u.%u.%u\",\"state\":%d,\"positions\":%s,\"walks\":%lu,\"jsWalks\":%lu,\"jsFrames\":%.1f,", mp_v8_version.major,
          mp_v8_version.minor, mp_v8_version.build, mp_v8_state, mp_v8_state == MP_V8_KNOWN ? "true" : "false", walks, js_walks,
          (double)js_frames / n);
  fprintf(file, "\"nativeFrames\":%.1f,\"unpositioned\":%lu,\"medianNs\":%lu,\"p95Ns\":%lu,\"probes\":%lu,", (double)native_frames / n,
          unpositioned, quantile_ns(0.5), quantile_ns(0.95), mp_peek_probes());
#ifdef MEMPROF_VERIFY
  fprintf(file, "\"verified\":%lu,\"mismatched\":%lu,", mp_v8_verified, mp_v8_mismatched);
#endif
  fprintf(file, "\"initNs\":%lu,\"unknown\":%lu,\"approximate\":%lu}\n", init_ns, stub_counters[MP_UNKNOWN_JS_FRAMES],
          stub_counters[MP_APPROX_JS_LINES]);
  fclose(file);
}
