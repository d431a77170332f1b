/* Prints where the compiler puts everything in wire.h, as JSON, for test/recording/wire.test.ts. */
#include <stdio.h>

#include "wire.h"

#define FIELD(type, field) printf("%s\"%s\":%zu", first++ ? "," : "", #field, offsetof(struct type, field));
#define BEGIN(type)                                                     \
  {                                                                     \
    int first = 0;                                                      \
    printf(",\"%s\":{\"bytes\":%zu,\"fields\":{", #type, sizeof(struct type));
#define END         \
  printf("}}");     \
  }

int main(void) {
  printf("{\"magic\":\"%llu\",\"version\":%u,\"headerBytes\":%u,\"controlMagic\":\"%llu\"", (unsigned long long)MP_WIRE_MAGIC, MP_WIRE_VERSION,
         MP_HEADER_BYTES, (unsigned long long)MP_CONTROL_MAGIC);
  printf(",\"counters\":%d,\"regions\":%d,\"refusals\":%d", MP_COUNTER_COUNT, MP_REGION_COUNT, MP_REFUSAL_COUNT);
  printf(",\"events\":{\"alloc\":%d,\"free\":%d,\"commit\":%d,\"decommit\":%d,\"generation\":%d,\"freeze\":%d,\"backing\":%d,\"collection\":%d}", MP_EVENT_ALLOC, MP_EVENT_FREE,
         MP_EVENT_COMMIT, MP_EVENT_DECOMMIT, MP_EVENT_GENERATION, MP_EVENT_FREEZE, MP_EVENT_BACKING, MP_EVENT_COLLECTION);
  printf(",\"heaps\":{\"malloc\":%d,\"mmap\":%d,\"file\":%d,\"custom\":%d}", MP_HEAP_MALLOC, MP_HEAP_MMAP, MP_HEAP_FILE,
         MP_HEAP_CUSTOM);
  printf(",\"tagKinds\":{\"pool\":%d,\"arena\":%d,\"stage\":%d,\"labels\":%d,\"context\":%d,\"heap\":%d}", MP_TAG_POOL, MP_TAG_ARENA, MP_TAG_STAGE,
         MP_TAG_LABELS, MP_TAG_CONTEXT, MP_TAG_HEAP);
  printf(",\"tagSources\":%d,\"tagCounters\":%d", MP_TAG_SOURCE_COUNT, MP_TAG_COUNTER_COUNT);
  printf(",\"arenaMmapped\":\"%llu\",\"arenaUnknown\":\"%llu\"", MP_ARENA_MMAPPED, MP_ARENA_UNKNOWN);
  printf(",\"frameJs\":\"%llu\",\"frameJsApprox\":\"%llu\",\"frameJsInlined\":\"%llu\",\"frameV8Code\":\"%llu\"", MP_FRAME_JS, MP_FRAME_JS_APPROX,
         MP_FRAME_JS_INLINED, MP_FRAME_V8_CODE);
  printf(",\"generationShift\":%d,\"generationBits\":%d,\"addressMask\":\"%llu\"", MP_FRAME_GENERATION_SHIFT, MP_FRAME_GENERATION_BITS,
         MP_FRAME_ADDRESS_MASK);
  BEGIN(mp_header)
  FIELD(mp_header, magic) FIELD(mp_header, version) FIELD(mp_header, header_bytes) FIELD(mp_header, pid) FIELD(mp_header, parent_pid)
  FIELD(mp_header, exec_ordinal) FIELD(mp_header, forked) FIELD(mp_header, arch) FIELD(mp_header, libc) FIELD(mp_header, allocator)
  FIELD(mp_header, v8_state) FIELD(mp_header, page_bytes) FIELD(mp_header, started_mono_ns) FIELD(mp_header, started_unix_ns)
  FIELD(mp_header, mean_bytes) FIELD(mp_header, current_mean_bytes) FIELD(mp_header, frozen_at_ns) FIELD(mp_header, map_generation)
  FIELD(mp_header, v8_major) FIELD(mp_header, v8_minor) FIELD(mp_header, v8_build) FIELD(mp_header, live_bytes)
  FIELD(mp_header, committed_bytes) FIELD(mp_header, file_bytes) FIELD(mp_header, comm) FIELD(mp_header, own_bytes) FIELD(mp_header, counters) FIELD(mp_header, regions)
  END
  BEGIN(mp_region)
  FIELD(mp_region, offset) FIELD(mp_region, capacity) FIELD(mp_region, record_bytes) FIELD(mp_region, used)
  END
  BEGIN(mp_module)
  FIELD(mp_module, start) FIELD(mp_module, end) FIELD(mp_module, bias) FIELD(mp_module, path) FIELD(mp_module, first_generation)
  FIELD(mp_module, build_id_bytes) FIELD(mp_module, is_main) FIELD(mp_module, build_id)
  END
  BEGIN(mp_function)
  FIELD(mp_function, name) FIELD(mp_function, script) FIELD(mp_function, script_id) FIELD(mp_function, start) FIELD(mp_function, end)
  FIELD(mp_function, flags)
  END
  BEGIN(mp_node)
  FIELD(mp_node, frame) FIELD(mp_node, parent) FIELD(mp_node, depth)
  END
  BEGIN(mp_site)
  FIELD(mp_site, node) FIELD(mp_site, heap) FIELD(mp_site, tag_source) FIELD(mp_site, flags) FIELD(mp_site, arena) FIELD(mp_site, tid)
  FIELD(mp_site, tag) FIELD(mp_site, samples)
  FIELD(mp_site, alloc_objects_f64) FIELD(mp_site, alloc_bytes_f64) FIELD(mp_site, alloc_objects_variance_f64)
  FIELD(mp_site, alloc_bytes_variance_f64)
  END
  BEGIN(mp_live)
  FIELD(mp_live, address) FIELD(mp_live, size_bytes) FIELD(mp_live, weight_bytes_f64) FIELD(mp_live, allocated_at_ns) FIELD(mp_live, site)
  FIELD(mp_live, sequence)
  END
  BEGIN(mp_mapping)
  FIELD(mp_mapping, start) FIELD(mp_mapping, end) FIELD(mp_mapping, committed_bytes) FIELD(mp_mapping, mapped_at_ns)
  FIELD(mp_mapping, site) FIELD(mp_mapping, sequence)
  END
  BEGIN(mp_event)
  FIELD(mp_event, ticket) FIELD(mp_event, time_ns) FIELD(mp_event, type) FIELD(mp_event, heap) FIELD(mp_event, tid) FIELD(mp_event, site)
  FIELD(mp_event, tag) FIELD(mp_event, address) FIELD(mp_event, size_bytes) FIELD(mp_event, weight_bytes_f64)
  END
  BEGIN(mp_collection)
  FIELD(mp_collection, ticket) FIELD(mp_collection, time_ns) FIELD(mp_collection, type) FIELD(mp_collection, kind) FIELD(mp_collection, tid)
  FIELD(mp_collection, thread) FIELD(mp_collection, flags) FIELD(mp_collection, duration_ns) FIELD(mp_collection, used_before_bytes)
  FIELD(mp_collection, used_after_bytes) FIELD(mp_collection, total_kib)
  END
  BEGIN(mp_tag)
  FIELD(mp_tag, kind) FIELD(mp_tag, name) FIELD(mp_tag, parent) FIELD(mp_tag, ordinal) FIELD(mp_tag, stage) FIELD(mp_tag, labels)
  FIELD(mp_tag, created_ns) FIELD(mp_tag, released_ns) FIELD(mp_tag, budget_bytes) FIELD(mp_tag, counters) FIELD(mp_tag, folded)
  END
  BEGIN(mp_control)
  FIELD(mp_control, magic) FIELD(mp_control, version) FIELD(mp_control, flags) FIELD(mp_control, mean_bytes)
  FIELD(mp_control, v8_interval_bytes) FIELD(mp_control, max_samples_per_s) FIELD(mp_control, snapshot_request)
  FIELD(mp_control, snapshot_reason) FIELD(mp_control, refusals) FIELD(mp_control, seed)
  END
  printf("}\n");
  return 0;
}
