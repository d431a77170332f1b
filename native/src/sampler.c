#include "sampler.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch.h"
#include "arena.h"
#include "clock.h"
#include "index.h"
#include "live.h"
#include "maths.h"
#include "modules.h"
#include "peek.h"
#include "process.h"
#include "store.h"
#include "tags.h"
#include "unwind.h"

#define FAR_AWAY (UINT64_MAX / 2) /* a countdown that does not end */
#define BURST_NS 500000000ull     /* how far a burst may run ahead of the cap before the mean doubles */
#define CREDIT_SAMPLES 2000        /* what a calm process saves up, and begins with: short programs are not thinned out */
#define CALM_NS 1000000000ull     /* how long the rate must stay below a quarter of the cap before it halves again */

#define SIGNAL_FRAME_BYTES 512u      /* less than the kernel and the red zone take on any processor */
#define MAX_JUMP_BYTES (1u << 20)    /* of stack that a jump leaves, as far as it is looked at */

__thread struct mp_thread mp_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

static double mean = 1;
static double least_mean = 1; /* as configured */
static uint64_t ns_per_sample; /* of the cap; 0: no cap */
static uint64_t cap_paid_until_ns;
static uint64_t window_start_ns, window_samples; /* what happened since the mean last changed, or a calm was looked for */
static uint64_t seed;
static uint64_t threads_seen;

void mp_sampler_start(uint64_t mean_bytes, uint64_t max_samples_per_s, uint64_t first_seed) {
  least_mean = mean = mean_bytes ? (double)mean_bytes : 1;
  ns_per_sample = max_samples_per_s ? 1000000000ull / max_samples_per_s : 0;
  seed = first_seed;
}

static double current_mean(void) {
  double bytes;
  __atomic_load(&mean, &bytes, __ATOMIC_RELAXED);
  return bytes;
}

static uint64_t next_random(void) {
  uint64_t x = mp_thread.random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return mp_thread.random = x;
}

static void draw_gap(void) {
  double bytes = mp_thread.gap_mean = current_mean();
  mp_thread.draws++;
  if (bytes <= 1) { /* every allocation is a sample: no gap at all */
    mp_thread.left = 0;
    return;
  }
  double uniform = ((double)(next_random() >> 11) + 1) * 0x1p-53; /* (0, 1] */
  mp_thread.left = (uint64_t)(-mp_ln(uniform) * bytes);
}

static void start_thread(void) {
  uint64_t ordinal = __atomic_add_fetch(&threads_seen, 1, __ATOMIC_RELAXED);
  mp_thread.tid = (uint32_t)syscall(SYS_gettid);
  uint64_t start = seed ? seed : mp_now_ns() ^ (uint64_t)mp_thread.tid << 32 ^ (uintptr_t)&mp_thread;
  mp_thread.random = mp_hash_u64(start + ordinal * 0x9e3779b97f4a7c15ull) | 1;
  draw_gap();
}

/* Either a signal handler interrupted our own code, and this is called by it; or a handler did and left by siglongjmp, so that
 * nobody will take the guard down. In the second case the stack is where it was on the way in, or further out; a handler's
 * is further in by its signal frame, or is the alternate stack. */
static __attribute__((noinline, cold)) bool still_inside(void) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0), entered = mp_thread.guard;
  if (here + SIGNAL_FRAME_BYTES <= entered) return true;
  uintptr_t lowest = here < entered ? here : entered, distance = here - entered + SIGNAL_FRAME_BYTES;
  if (distance > MAX_JUMP_BYTES || !mp_peek_range(lowest, distance)) return true; /* another stack, of a coroutine */
  int saved_errno = errno;
  stack_t alternate;
  bool handling = syscall(SYS_sigaltstack, NULL, &alternate) != 0 || (alternate.ss_flags & SS_ONSTACK);
  errno = saved_errno;
  if (handling) return true;
  mp_peek_forget_stack();
  mp_live_left();
  mp_store_left();
  mp_modules_left();
  mp_thread.guard = 0;
  return false;
}

static inline bool inside(void) { return mp_unlikely(mp_thread.guard != 0) && still_inside(); }

bool mp_due(size_t bytes) {
  mp_thread.left += mp_countdown_of(bytes); /* as it was before mp_pass */
  /* A signal handler that allocated between the two saw a countdown without end, and may have taken more than was left. */
  if (mp_thread.left > FAR_AWAY) mp_thread.left = 0;
  enum mp_state state = mp_process_state();
  if (state != MP_STATE_ON) {
    if (state == MP_STATE_OFF) mp_thread.left = FAR_AWAY;
    return false;
  }
  if (inside()) {
    mp_count(MP_DROPPED_NESTED, 1);
    return false;
  }
  if (bytes > PTRDIFF_MAX) return false; /* the allocator refuses it */
  if (mp_thread.draws == 0) {
    start_thread();
    if (mp_pass(bytes)) return false;
    mp_thread.left += mp_countdown_of(bytes);
  }
  mp_thread.due_mean = mp_thread.gap_mean;
  draw_gap();
  return true;
}

bool mp_enter(void) {
  if (inside() || mp_process_state() != MP_STATE_ON) return false;
  mp_thread.guard = (uintptr_t)__builtin_frame_address(0);
  /* A handler may also have left between mp_pass and mp_due: then nothing but this ends the countdown. */
  if (mp_thread.left > FAR_AWAY) mp_thread.left = 0;
  if (mp_process_check_fork() && mp_store_header() && !mp_store_frozen()) return true;
  mp_thread.guard = 0;
  return false;
}

void mp_leave(void) { mp_thread.guard = 0; }

static void set_mean(double bytes, uint64_t now_ns) {
  __atomic_store(&mean, &bytes, __ATOMIC_RELAXED);
  __atomic_store_n(&mp_store_header()->current_mean_bytes, (uint64_t)bytes, __ATOMIC_RELAXED);
  __atomic_store_n(&window_samples, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&window_start_ns, now_ns, __ATOMIC_RELAXED);
}

/* Halves a raised mean after a calm. Of threads that see it at the same time one takes the window, and decides. */
static void notice_calm(uint64_t now_ns) {
  double raised = current_mean();
  if (raised <= least_mean) return;
  uint64_t start = __atomic_load_n(&window_start_ns, __ATOMIC_RELAXED);
  uint64_t samples = __atomic_add_fetch(&window_samples, 1, __ATOMIC_RELAXED);
  if (now_ns < start + CALM_NS) return;
  if (!__atomic_compare_exchange_n(&window_start_ns, &start, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
  __atomic_store_n(&window_samples, 0, __ATOMIC_RELAXED);
  if (samples * ns_per_sample * 4 < now_ns - start) set_mean(raised / 2, now_ns);
}

/* A token bucket in units of time: each sample costs ns_per_sample. First it takes from the credit that calm times leave, then
 * it makes a debt, and one of more than BURST_NS doubles the mean. The mean that a gap was drawn with goes into its sample's
 * weight, so changes bias nothing. */
static void respect_cap(uint64_t now_ns) {
  if (ns_per_sample == 0) return;
  uint64_t credit_ns = CREDIT_SAMPLES * ns_per_sample, oldest_ns = now_ns > credit_ns ? now_ns - credit_ns : 0;
  uint64_t paid = __atomic_load_n(&cap_paid_until_ns, __ATOMIC_RELAXED), next;
  do {
    next = (paid > oldest_ns ? paid : oldest_ns) + ns_per_sample;
  } while (!__atomic_compare_exchange_n(&cap_paid_until_ns, &paid, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  if (next < now_ns + BURST_NS) return notice_calm(now_ns);
  /* One thread pays the debt and doubles the mean; those that see the old debt at the same time fail here. */
  if (!__atomic_compare_exchange_n(&cap_paid_until_ns, &next, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return;
  set_mean(current_mean() * 2, now_ns);
  mp_count(MP_MEAN_RAISES, 1);
}

/* Never inlined: the unwinder starts in this frame. */
static __attribute__((noinline)) void unwind_here(struct mp_stack *stack) {
  struct mp_registers here;
  mp_registers_here(&here);
  mp_unwind(here, stack);
}

uint32_t mp_site_here(enum mp_heap heap, uint64_t arena) {
  if (mp_thread.draws == 0) start_thread();
  struct mp_stack stack;
  unwind_here(&stack);
  if (stack.flags & MP_SITE_STACK_TRUNCATED) mp_count(MP_TRUNCATED_STACKS, 1);
  if (stack.flags & MP_SITE_STACK_BROKEN) mp_count(MP_BROKEN_STACKS, 1);
  struct mp_site_key key = {.heap = (uint8_t)heap, .arena = arena, .tid = mp_thread.tid, .flags = stack.flags};
  key.tag = mp_thread.tag = mp_tag_here(&key.tag_source);
  key.node = mp_store_stack(stack.frames, stack.count, &key.flags);
  uint32_t site = mp_store_site(&key);
  if (site == MP_NONE) mp_count(MP_DROPPED_SITES, 1);
  return site;
}

/* heap 0: the block is malloc's. */
static void record(void *address, size_t bytes, uint32_t heap_tag) {
  int saved_errno = errno;
  if (mp_enter()) {
    uint64_t started_ns = mp_now_ns();
    double weight = bytes ? (double)bytes : 1; /* an empty block stands for something, too */
    double p = mp_thread.due_mean <= 1 ? 1 : mp_one_minus_exp_neg((double)mp_countdown_of(bytes) / mp_thread.due_mean);
    enum mp_heap heap = heap_tag == 0 ? MP_HEAP_MALLOC : MP_HEAP_CUSTOM;
    uint32_t site = mp_site_here(heap, heap_tag == 0 ? mp_arena_of(address) : heap_tag);
    if (site != MP_NONE) {
      double unseen = (1 - p) / (p * p);
      mp_site_add(site, 1 / p, weight / p, unseen, unseen * weight * weight);
      mp_count(MP_ALLOC_SAMPLES, 1);
      mp_live_add((uintptr_t)address, bytes, weight / p, started_ns, site);
      mp_store_event(&(struct mp_event){.time_ns = started_ns,
                                        .type = MP_EVENT_ALLOC,
                                        .heap = (uint16_t)heap,
                                        .tid = mp_thread.tid,
                                        .site = site,
                                        .tag = mp_thread.tag,
                                        .address = (uintptr_t)address,
                                        .size_bytes = bytes,
                                        .weight_bytes_f64 = mp_bits_of_double(weight / p)});
    }
    respect_cap(started_ns);
    mp_count(MP_SAMPLE_NS, mp_now_ns() - started_ns);
    mp_leave();
  }
  errno = saved_errno;
}

void mp_record(void *address, size_t bytes) { record(address, bytes, 0); }

void mp_record_custom(void *address, size_t bytes, uint32_t heap) { record(address, bytes, heap); }

static void store_live_event(enum mp_event_type type, const struct mp_live *live) {
  if (mp_thread.draws == 0) start_thread();
  uint8_t source;
  mp_store_event(&(struct mp_event){.time_ns = mp_now_ns(),
                                    .type = (uint16_t)type,
                                    .heap = (uint16_t)mp_site_heap(live->site),
                                    .tid = mp_thread.tid,
                                    .site = live->site,
                                    .tag = mp_tag_here(&source),
                                    .address = live->address,
                                    .size_bytes = live->size_bytes,
                                    .weight_bytes_f64 = live->weight_bytes_f64});
}

static bool end_sample(void *address, enum mp_event_type how, struct mp_live *removed) {
  if (mp_likely(!mp_live_contains((uintptr_t)address))) return false; /* the filter's false alarm */
  int saved_errno = errno;
  bool found = false;
  if (inside()) {
    mp_count(MP_DROPPED_NESTED, 1); /* a signal handler that frees inside our own code */
  } else if (mp_enter()) {
    found = mp_live_remove((uintptr_t)address, removed);
    if (found) {
      mp_count(MP_FREE_SAMPLES, 1);
      store_live_event(how, removed);
      if (how == MP_EVENT_BACKING) mp_site_take_back(removed);
    }
    mp_leave();
  }
  errno = saved_errno;
  return found;
}

bool mp_record_free(void *address, struct mp_live *removed) {
  struct mp_live record;
  return end_sample(address, MP_EVENT_FREE, removed ? removed : &record);
}

bool mp_record_backing(void *address) {
  struct mp_live record;
  return end_sample(address, MP_EVENT_BACKING, &record);
}

void mp_unrecord_free(const struct mp_live *removed) {
  int saved_errno = errno;
  if (mp_enter()) {
    mp_live_add(removed->address, removed->size_bytes, mp_double_of_bits(removed->weight_bytes_f64),
                removed->allocated_at_ns, removed->site);
    store_live_event(MP_EVENT_ALLOC, removed);
    mp_leave();
  }
  errno = saved_errno;
}
