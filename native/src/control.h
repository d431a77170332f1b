/* The control file: what memprof tells the samplers of a run, and what they tell it without having a store. Its version is
 * MP_WIRE_VERSION of wire.h. */
#ifndef MEMPROF_CONTROL_H
#define MEMPROF_CONTROL_H

#include <stddef.h>
#include <stdint.h>

/* The control file, "control" in the run directory: written by memprof before the first process starts, mapped by the
 * sampler, polled by the agent. */
#define MP_CONTROL_MAGIC 0x4c5254434f52504dull /* "MPROCTRL" */
enum mp_control_flags {
  MP_CONTROL_NO_NATIVE = 1,
  MP_CONTROL_NO_V8 = 2,
  MP_CONTROL_V8_EXACT = 4,
  MP_CONTROL_ASYNC_LABELS = 8,
};
struct mp_control {
  uint64_t magic;
  uint32_t version;
  uint32_t flags;             /* 12 enum mp_control_flags */
  uint64_t mean_bytes;        /* 16 native sampling mean */
  uint64_t v8_interval_bytes; /* 24 */
  uint64_t max_samples_per_s; /* 32 adaptive cap of one process */
  uint64_t snapshot_request;  /* 40 raised by memprof to ask every agent for a V8 profile */
  uint64_t snapshot_reason;   /* 48 1 timer, 2 demand, 3 peak */
  uint64_t refusals[16];      /* 56 counts by enum mp_refusal, added to by samplers that could not start */
  uint64_t seed;              /* 184 tests: makes every thread draw the same gaps each time; 0: from the clock */
  uint8_t unused[4096 - 192];
};
_Static_assert(sizeof(struct mp_control) == 4096, "wire");

/* Why a sampler stayed out. */
enum mp_refusal {
  MP_REFUSED_STORE_CREATE,   /* the run directory is not writable for this process */
  MP_REFUSED_FILE_SIZE,      /* ulimit -f leaves no room for a store */
  MP_REFUSED_NO_SPACE,       /* tmpfs full */
  MP_REFUSED_LIBC,           /* neither glibc nor musl, or a libc too old */
  MP_REFUSED_MEMORY,         /* mmap failed: ulimit -v or the like */
  MP_REFUSAL_COUNT
};

#endif
