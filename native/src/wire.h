/* The store: what the sampler inside a profiled process writes, and memprof reads.
 *
 * One file per process image, "<pid>.<n>.store" in the run directory (n counts the images that one pid has exec'ed).
 * It is a sparse file of fixed size, mapped MAP_SHARED by the target; pages that nothing touched cost nothing. memprof
 * reads it with pread(2) while the target runs and after it died, at whatever instruction that was.
 *
 *   0        4096                                                                           file_bytes
 *   +--------+---------+---------+-----------+-------+-------+------+----------+------+------+
 *   | header | strings | modules | functions | nodes | sites | live | mappings | tags | ring |
 *   +--------+---------+---------+-----------+-------+-------+------+----------+------+------+
 *
 * strings, modules, functions and nodes only grow: a record below `used` never changes, so a reader may copy increments.
 * sites and tags grow the same way, but their counters change. live and mappings are slabs of reused slots guarded by a sequence
 * number each. ring is a bounded queue that overwrites its oldest events. All integers are little endian.
 *
 * Any change of a layout here raises MP_WIRE_VERSION, except that a field that was unused, and so 0, may get a meaning when
 * its 0 means "not known". Both are mirrored in src/recording/wire.ts, whose tests read the
 * offsets that native/test/wire_offsets.c prints.
 */
#ifndef MEMPROF_WIRE_H
#define MEMPROF_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "control.h"
#include "wire_collections.h"
#include "wire_tags.h"

#define MP_WIRE_MAGIC 0x31464f52504d454dull /* "MEMPROF1" */
#define MP_WIRE_VERSION 2u
#define MP_HEADER_BYTES 4096u

/* Order of mp_header.regions. */
enum mp_region_id {
  MP_REGION_STRINGS,
  MP_REGION_MODULES,
  MP_REGION_FUNCTIONS,
  MP_REGION_NODES,
  MP_REGION_SITES,
  MP_REGION_LIVE,
  MP_REGION_MAPPINGS,
  MP_REGION_TAGS,
  MP_REGION_RING,
  MP_REGION_COUNT
};

/*   0        8          16             20       24     32
 *   +--------+----------+--------------+--------+------+
 *   | offset | capacity | record_bytes | unused | used |
 *   +--------+----------+--------------+--------+------+
 * capacity and used count records (bytes for strings). used never exceeds capacity. For live and mappings it is the high
 * water mark of slots; for ring it is the number of events ever written, so the newest is at (used - 1) % capacity. */
struct mp_region {
  uint64_t offset;
  uint64_t capacity;
  uint32_t record_bytes;
  uint32_t unused;
  uint64_t used;
};
_Static_assert(sizeof(struct mp_region) == 32, "wire");

/* What was lost, and why. Index into mp_header.counters; src/recording/wire.ts has the same names in the same order. */
enum mp_counter {
  MP_ALLOC_SAMPLES,      /* heap allocations that were sampled */
  MP_FREE_SAMPLES,       /* frees of those */
  MP_MAP_EVENTS,         /* mmap, munmap, mremap, mprotect calls that changed committed bytes */
  MP_DROPPED_LIVE,       /* samples not in the live table: it was full */
  MP_DROPPED_SITES,      /* samples without a site: nodes, sites, strings or functions were full */
  MP_DROPPED_MAPPINGS,   /* mapping changes not followed: table full or its lock not to be had */
  MP_DROPPED_NESTED,     /* samples skipped inside our own code or a signal handler that interrupted it */
  MP_DROPPED_GROWTH,     /* times a region could not grow: tmpfs or memory was full */
  MP_TRUNCATED_STACKS,   /* stacks deeper than MP_MAX_FRAMES */
  MP_BROKEN_STACKS,      /* stacks whose last frame is not a known root (main, thread start, signal return) */
  MP_UNKNOWN_JS_FRAMES,  /* frames in V8 code that did not decode */
  MP_APPROX_JS_LINES,    /* frames whose line may be that of the enclosing statement */
  MP_MEAN_RAISES,        /* times the adaptive cap doubled the mean */
  MP_SAMPLE_NS,          /* total time spent in the slow path, ns */
  MP_DROPPED_TAGS,       /* times a name or a context had no room: what is nearest stands for it */
  MP_COUNTER_COUNT
};

enum mp_libc { MP_LIBC_UNKNOWN, MP_LIBC_GLIBC, MP_LIBC_MUSL };
enum mp_allocator { MP_ALLOCATOR_OTHER, MP_ALLOCATOR_GLIBC, MP_ALLOCATOR_JEMALLOC, MP_ALLOCATOR_MIMALLOC, MP_ALLOCATOR_TCMALLOC };
enum mp_arch { MP_ARCH_X64 = 1, MP_ARCH_ARM64 = 2 };

/* frozen_at_ns is written by whoever announces teardown (main returned, exit() called, the agent's 'exit' handler by a
 * write to the file). Once it is non-zero the sampler records neither allocations nor frees: the tables then show the
 * process as it was before it took itself apart. */
struct mp_header {
  uint64_t magic;          /*   0 written last when the store is made: a file without it is not a store yet */
  uint32_t version;        /*   8 */
  uint32_t header_bytes;   /*  12 */
  uint32_t pid;            /*  16 as the process sees itself */
  uint32_t parent_pid;     /*  20 */
  uint32_t exec_ordinal;   /*  24 */
  uint32_t forked;         /*  28 1: made after a fork without exec */
  uint8_t arch;            /*  32 enum mp_arch */
  uint8_t libc;            /*  33 enum mp_libc */
  uint8_t allocator;       /*  34 enum mp_allocator */
  uint8_t v8_state;        /*  35 0 no V8 in this process, 1 layout known, 2 V8 there but its layout is not, 3 functions known, lines not */
  uint32_t page_bytes;     /*  36 */
  uint64_t started_mono_ns;/*  40 CLOCK_MONOTONIC; every other time in the store is of this clock */
  uint64_t started_unix_ns;/*  48 CLOCK_REALTIME at the same moment */
  uint64_t mean_bytes;     /*  56 mean gap between samples as configured */
  uint64_t current_mean_bytes; /* 64 as raised by the adaptive cap */
  uint64_t frozen_at_ns;   /*  72 0 while running */
  uint64_t map_generation; /*  80 counts dlclose calls: modules from before may have been replaced */
  uint16_t v8_major, v8_minor, v8_build, v8_unused; /* 88 */
  uint64_t live_bytes;     /*  96 sum of weight_bytes over live, kept as an integer; for peak watching only */
  uint64_t committed_bytes;/* 104 sum of committed bytes over mappings */
  uint64_t file_bytes;     /* 112 */
  char comm[16];           /* 120 /proc/self/comm */
  uint64_t own_bytes;      /* 136 memory of the sampler's own in this process, at most; 0 in older recordings: not known */
  uint64_t unused[14];     /* 144 */
  uint64_t counters[32];   /* 256 enum mp_counter */
  struct mp_region regions[MP_REGION_COUNT]; /* 512 */
};
_Static_assert(offsetof(struct mp_header, frozen_at_ns) == 72, "wire");
_Static_assert(offsetof(struct mp_header, comm) == 120, "wire");
_Static_assert(offsetof(struct mp_header, own_bytes) == 136, "wire");
_Static_assert(offsetof(struct mp_header, counters) == 256, "wire");
_Static_assert(offsetof(struct mp_header, regions) == 512, "wire");
_Static_assert(MP_COUNTER_COUNT <= 32, "wire");

/* strings: { uint32_t length; char bytes[length]; 0..3 bytes of padding }. A string's id is its byte offset in the
 * region; id 0 is the empty string (the region starts with an empty record). UTF-8, not terminated. */

/* A loaded object, registered the first time a frame falls into it.
 *   0       8     16     24     28          32              36           40        60 61     64
 *   +-------+-----+------+------+-----------+---------------+------------+---------+--+------+
 *   | start | end | bias | path | first_gen | build_id_size | is_main    | build_id|  unused  |
 *   +-------+-----+------+------+-----------+---------------+------------+---------+--+------+ */
struct mp_module {
  uint64_t start, end; /* mapped range [start, end) */
  uint64_t bias;       /* run-time address = bias + p_vaddr */
  uint32_t path;       /* string id; as the loader names it, absolute for the executable */
  uint32_t first_generation;
  uint32_t build_id_bytes;
  uint32_t is_main;
  uint8_t build_id[20]; /* longer ids are cut */
  uint8_t unused[4];
};
_Static_assert(sizeof(struct mp_module) == 64, "wire");

enum mp_function_flags {
  MP_FUNCTION_WASM = 1,      /* name is "wasm-function[i]", script the wasm:// url */
  MP_FUNCTION_NO_SOURCE = 2  /* a builtin with a JavaScript frame: no script */
};

/* A JavaScript function (one per SharedFunctionInfo seen), deduplicated by content. */
struct mp_function {
  uint32_t name;         /* string id, may be 0 */
  uint32_t script;       /* string id: the script's url or path */
  int32_t script_id;     /* V8's id, -1 if none: tells two evals of one url apart */
  int32_t start, end;    /* source range in UTF-16 units, -1 if unknown */
  uint32_t flags;        /* enum mp_function_flags */
  uint64_t unused;
};
_Static_assert(sizeof(struct mp_function) == 32, "wire");

/* A frame is one 64-bit word.
 *
 *   63   62      61        60    58                              32 31                              0
 *   +----+-------+---------+-----+--------------------------------+---------------------------------+
 *   | 1  | appro.| inlined |  0  | function index (26 bits)       | source position + 1, 0 unknown  |   JavaScript
 *   +----+-------+---------+-----+--------------------------------+---------------------------------+
 *   | 0  | V8 code | map generation (14 bits) |  address (48 bits)                                  |   native
 *   +----+---------+--------------------------+-----------------------------------------------------+
 *
 * JavaScript: position is in UTF-16 units from the start of the script; "approx": the enclosing statement's (Maglev);
 * "inlined": this function was inlined into the next frame up. Native: the address is the return address of the call (look
 * up address - 1), except in the leaf of a signal frame. "V8 code": it lies in JIT code or in V8's embedded builtins and
 * no JavaScript function could be decoded for it. */
#define MP_FRAME_JS (1ull << 63)
#define MP_FRAME_JS_APPROX (1ull << 62)
#define MP_FRAME_JS_INLINED (1ull << 61)
#define MP_FRAME_V8_CODE (1ull << 62)
#define MP_FRAME_GENERATION_SHIFT 48
#define MP_FRAME_GENERATION_BITS 14
#define MP_FRAME_ADDRESS_MASK ((1ull << 48) - 1)
#define MP_MAX_FRAMES 255u

/* A call path: the trie node of its leaf frame. Node 0 is the root and has no frame. */
struct mp_node {
  uint64_t frame;
  uint32_t parent; /* node index of the caller's frame */
  uint32_t depth;  /* root 0 */
};
_Static_assert(sizeof(struct mp_node) == 16, "wire");

enum mp_heap {
  MP_HEAP_MALLOC = 1,
  MP_HEAP_MMAP = 2,
  MP_HEAP_FILE = 3,
  MP_HEAP_CUSTOM = 4 /* an allocator of the program's own (memprof.h); the site's arena is the tag of its name */
};
enum mp_node_flags { MP_SITE_STACK_TRUNCATED = 1, MP_SITE_STACK_BROKEN = 2 };

#define MP_ARENA_MAIN 0ull           /* glibc's main arena; any other value below 2^63 is the address of a malloc_state */
#define MP_ARENA_MMAPPED (1ull << 63)  /* a chunk that malloc mmapped on its own */
#define MP_ARENA_UNKNOWN (~0ull)

/* Where and by whom: a call path with the labels that its samples share, and what was ever allocated there. The f64 are
 * bit patterns of doubles. Heap allocations are sampled: objects = sum of 1/p, bytes = sum of size/p, variances = sums of
 * (1-p)/p^2 times 1 and size^2 (Horvitz-Thompson), p = 1 - exp(-(size + 1)/mean). Mappings are exact: their variances are 0.
 *   0      4      5            6       8       16    20    24        32              40            48                  56                64
 *   +------+------+------------+-------+-------+-----+-----+---------+---------------+-------------+-------------------+-----------------+
 *   | node | heap | tag_source | flags | arena | tid | tag | samples | alloc_objects | alloc_bytes | alloc_objects_var | alloc_bytes_var |
 *   +------+------+------------+-------+-------+-----+-----+---------+---------------+-------------+-------------------+-----------------+ */
struct mp_site {
  uint32_t node;
  uint8_t heap;       /* enum mp_heap */
  uint8_t tag_source; /* enum mp_tag_source */
  uint16_t flags;     /* enum mp_node_flags */
  uint64_t arena;     /* MP_ARENA_*; of a heap of the program's own its tag */
  uint32_t tid;       /* 0: too many threads to tell apart */
  uint32_t tag;       /* the context; 0: none. That of its pool alone when there are too many arenas to tell apart */
  uint64_t samples;
  uint64_t alloc_objects_f64, alloc_bytes_f64;
  uint64_t alloc_objects_variance_f64, alloc_bytes_variance_f64;
};
_Static_assert(sizeof(struct mp_site) == 64, "wire");

/* Of a block of a heap of the program's own the address has this bit set: its memory may be a block of malloc's as well. No address
 * of the program's has it, and a double holds such a number exactly. */
#define MP_CUSTOM_ADDRESS (1ull << 52)

/* A live sampled allocation. sequence is odd while the slot is being written; a reader copies the record, and takes it only
 * if sequence was even and is unchanged. address 0: the slot is free. p = max(size, 1) / weight_bytes. */
struct mp_live {
  uint64_t address;
  uint64_t size_bytes;
  uint64_t weight_bytes_f64; /* size / p: the bytes that this sample stands for */
  uint64_t allocated_at_ns;
  uint32_t site;
  uint32_t sequence;
};
_Static_assert(sizeof(struct mp_live) == 40, "wire");

/* A mapped range of uniform protection, split and merged as the program unmaps and protects. committed_bytes is its whole
 * length, or 0 while it is PROT_NONE: a reservation is not memory. Same reading rule as mp_live; end 0: free slot. */
struct mp_mapping {
  uint64_t start, end;
  uint64_t committed_bytes;
  uint64_t mapped_at_ns;
  uint32_t site; /* of the call that committed it, or reserved it while nothing did */
  uint32_t sequence;
};
_Static_assert(sizeof(struct mp_mapping) == 40, "wire");

enum mp_event_type { MP_EVENT_ALLOC = 1, MP_EVENT_FREE = 2, MP_EVENT_COMMIT = 3, MP_EVENT_DECOMMIT = 4, MP_EVENT_GENERATION = 5, MP_EVENT_FREEZE = 6, MP_EVENT_BACKING = 7, MP_EVENT_COLLECTION = 8 };

/* COLLECTION: wire_collections.h draws it; readers that do not know it pass it by. BACKING ends a block that an ALLOC began, and says that this was no allocation but what a heap of the program's own is made of.
 *
 * One thing that happened. ticket is the event's number + 1, stored last: a slot whose ticket is not the awaited one is not
 * written yet (smaller) or was overwritten (larger).
 *   0        8      16     18     20    24     28    32        40     48              56          64
 *   +--------+------+------+------+-----+------+-----+---------+------+---------------+-----------+
 *   | ticket | time | type | heap | tid | site | tag | address | size | weight_bytes  | unused    |
 *   +--------+------+------+------+-----+------+-----+---------+------+---------------+-----------+ */
struct mp_event {
  uint64_t ticket;
  uint64_t time_ns;
  uint16_t type; /* enum mp_event_type */
  uint16_t heap; /* enum mp_heap */
  uint32_t tid;  /* of the thread that did it */
  uint32_t site; /* FREE and DECOMMIT: the site that allocated */
  uint32_t tag;  /* the context in which it happened: of FREE and DECOMMIT, not the one that allocated */
  uint64_t address;
  uint64_t size_bytes;
  uint64_t weight_bytes_f64; /* COMMIT and DECOMMIT: the same as size */
  uint64_t unused2;
};
_Static_assert(sizeof(struct mp_event) == 64, "wire");
/* What docs/explanation/performance.md promises of an event and of the record that a live sample has besides. */
_Static_assert(sizeof(struct mp_event) <= 100 && sizeof(struct mp_live) <= 100, "small enough");

#endif
