/* SharedFunctionInfo -> struct mp_function.
 *
 * A SharedFunctionInfo is what all closures of one function literal share. Of it we read
 *
 *   name_or_scope_info   a String (builtins, WebAssembly), or the ScopeInfo below
 *   script               the Script (its name and id), or a DebugInfo / undefined: then there is no source
 *
 * A ScopeInfo is an array of words; its variable part has to be walked, since most of it is optional:
 *
 *   word 0        flags: bits 0-3 kind of scope, 10 saved class variable, 12-13 function name, 14 inferred name
 *   word 1        parameter count
 *   word 2        n = number of context locals
 *   word 3, 4     source range, start and end   (V8 from 12.8; before, it comes last)
 *   first_vars    [module variable count]       (modules only, V8 from 12)
 *                 n names and n infos           (up to 74 locals)
 *                 1 hash table and n infos      (from 75 locals)
 *                 [saved class variable]
 *                 [function name and its slot]
 *                 [inferred name]
 *                 [start, end]                  (V8 before 12.8)
 */
#include <string.h>

#include "store.h"
#include "v8_internal.h"
#include "v8_objects.h"
#include "v8_seqlock.h"

#define NAME_BYTES 256
#define SCRIPT_BYTES 1024

enum scope_flags {
  SCOPE_KIND = 15,
  HAS_SAVED_CLASS = 1 << 10,
  HAS_FUNCTION_NAME = 3 << 12,
  HAS_INFERRED_NAME = 1 << 14
};
#define MODULE_SCOPE 3
#define MAX_INLINED_LOCALS 75
#define MAX_LOCALS 10000

struct text {
  size_t bytes;
  char utf8[NAME_BYTES];
};

struct source_range {
  int32_t start, end;
};

static void copy_name(uint64_t string, struct text *name) {
  name->bytes = mp_v8_copy_string(string, name->utf8, sizeof name->utf8);
}

static bool read_word(uint64_t scope, int index, uint64_t *out) {
  return read_field(scope, 8 + 8 * index, out);
}

static void read_range(uint64_t scope, int index, struct source_range *range) {
  uint64_t start, end;
  if (!read_word(scope, index, &start) || !read_word(scope, index + 1, &end) || !is_smi(start) || !is_smi(end)) return;
  if (smi_value(start) < 0 || smi_value(start) > smi_value(end)) return;
  *range = (struct source_range){smi_value(start), smi_value(end)};
}

static void read_scope_info(uint64_t scope, struct text *name, struct source_range *range) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  uint64_t flags_word, locals_word, word;
  if (!read_word(scope, 0, &flags_word) || !read_word(scope, layout->scope_info_local_count, &locals_word)) return;
  /* Flags are a Smi up to 12.x and a plain 32-bit integer since. */
  uint32_t flags = flags_word >> 32 ? (uint32_t)smi_value(flags_word) : (uint32_t)flags_word;
  if (!is_smi(locals_word) || (flags_word >> 32 && !is_smi(flags_word))) return;
  int32_t locals = smi_value(locals_word);
  if (locals < 0 || locals > MAX_LOCALS) return;

  bool range_first = layout->scope_info_first_vars >= 5;
  if (range_first) read_range(scope, 3, range);
  int index = layout->scope_info_first_vars + (locals < MAX_INLINED_LOCALS ? 2 * locals : 1 + locals);
  /* Newer versions number the kinds of scopes differently, but there nothing after this matters for a module. */
  bool old_module = !range_first && (flags & SCOPE_KIND) == MODULE_SCOPE;
  if (old_module && read_word(scope, layout->scope_info_first_vars, &word) && is_smi(word)) index++;
  if (flags & HAS_SAVED_CLASS) index++;
  if (flags & HAS_FUNCTION_NAME) {
    if (read_word(scope, index, &word)) copy_name(word, name);
    index += 2;
  }
  if (flags & HAS_INFERRED_NAME) {
    if (name->bytes == 0 && read_word(scope, index, &word)) copy_name(word, name);
    index++;
  }
  if (!range_first) read_range(scope, index, range);
}

static bool starts_with(const char *text, size_t bytes, const char *prefix) {
  size_t n = strlen(prefix);
  return bytes >= n && memcmp(text, prefix, n) == 0;
}

/* V8 names a WebAssembly function by its index alone; wire.h says how we do. */
static void name_wasm_function(struct text *name) {
  struct text index = *name;
  static const char before[] = "wasm-function[";
  size_t n = sizeof before - 1;
  if (index.bytes > sizeof index.utf8 - n - 1) return;
  memcpy(name->utf8, before, n);
  memcpy(name->utf8 + n, index.utf8, index.bytes);
  name->utf8[n + index.bytes] = ']';
  name->bytes = n + index.bytes + 1;
}

static struct mp_v8_function decode(uint64_t shared) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  struct mp_v8_function none = {.index = MP_NONE};
  struct source_range range = {-1, -1};
  struct text name = {0};
  char script_name[SCRIPT_BYTES];
  size_t script_bytes = 0;
  struct mp_function function = {.script_id = -1};
  uint64_t word;

  if (instance_type(shared) != layout->type_shared) return none;
  if (read_field(shared, layout->shared_name_or_scope_info, &word) && (word = follow_forwarding(word))) {
    if (instance_type(word) == layout->type_scope_info) read_scope_info(word, &name, &range);
    else copy_name(word, &name);
  }
  bool has_script = read_field(shared, layout->shared_script, &word) && (word = follow_forwarding(word)) &&
                    instance_type(word) == layout->type_script;
  if (has_script) {
    uint64_t script = word;
    if (read_field(script, layout->script_name, &word)) {
      script_bytes = mp_v8_copy_string(word, script_name, sizeof script_name);
    }
    if (layout->script_id >= 0 && read_field(script, layout->script_id, &word) && is_smi(word)) {
      function.script_id = smi_value(word);
    }
  } else {
    function.flags |= MP_FUNCTION_NO_SOURCE;
  }
  bool wasm = starts_with(script_name, script_bytes, "wasm://");
  if (wasm) {
    function.flags |= MP_FUNCTION_WASM;
    name_wasm_function(&name);
  }
  /* The rest of such a url is the source itself, which is nobody's business. */
  if (starts_with(script_name, script_bytes, "data:")) script_bytes = strlen("data:");
  function.name = mp_store_string(name.utf8, name.bytes);
  function.script = mp_store_string(script_name, script_bytes);
  function.start = range.start;
  function.end = range.end;
  bool has_source = has_script && !wasm && range.start >= 0;
  return (struct mp_v8_function){mp_store_function(&function), has_source, range.start, range.end};
}

/* The cache. The key is the address of a SharedFunctionInfo, and since objects move and addresses are reused, an entry is good
 * only while the object there still has the same fields: name or scope, script, the script's id (scripts are reused at one
 * address, too), and the 16 bytes from `length` on, which hold flags and the function's place in the source. */
#define CACHE_BITS 13

struct fingerprint {
  uint64_t shared, name_or_scope_info, script, script_id, tail[2];
};

struct entry {
  _Atomic uint32_t sequence;
  _Atomic uint32_t index_and_source; /* index << 1 | has_source */
  _Atomic uint64_t words[6];         /* struct fingerprint */
  _Atomic uint64_t range;            /* start << 32 | end */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct entry) == 64, "one cache line");
_Static_assert(sizeof(struct fingerprint) == 48, "words");

static struct entry cache[1 << CACHE_BITS];
const size_t mp_v8_function_cache_bytes = sizeof cache;
static _Atomic uint64_t shared_map;

/* The fingerprint of a SharedFunctionInfo, which is followed if it has moved; false if there is none. */
static bool take_fingerprint(uint64_t shared, struct fingerprint *print) {
  const struct mp_v8_layout *layout = &mp_v8_layout;
  char copy[MP_V8_SHARED_BYTES];
  uint64_t map;
  size_t bytes = (size_t)layout->shared_length + sizeof print->tail;
  if (!read_object(shared, copy, bytes)) return false;
  memcpy(&map, copy, sizeof map);
  if (!is_map_of(map, layout->type_shared, &shared_map)) {
    if (!(shared = follow_forwarding(shared)) || !read_object(shared, copy, bytes)) return false;
    memcpy(&map, copy, sizeof map);
    if (!is_map_of(map, layout->type_shared, &shared_map)) return false;
  }
  *print = (struct fingerprint){.shared = shared};
  memcpy(&print->name_or_scope_info, copy + layout->shared_name_or_scope_info, 8);
  memcpy(&print->script, copy + layout->shared_script, 8);
  memcpy(print->tail, copy + layout->shared_length, sizeof print->tail);
  if (is_pointer(print->script) && layout->script_id >= 0) {
    read_field(print->script, layout->script_id, &print->script_id);
  }
  return true;
}

#define PRINT_WORDS (sizeof(struct fingerprint) / 8)

static bool matches(const struct entry *entry, const struct fingerprint *print) {
  const uint64_t *words = &print->shared;
  for (size_t i = 0; i < PRINT_WORDS; i++) {
    if (RELAXED_LOAD(entry->words[i]) != words[i]) return false;
  }
  return true;
}

static void remember(struct entry *entry, const struct fingerprint *print, struct mp_v8_function function) {
  const uint64_t *words = &print->shared;
  if (!seq_write_begin(&entry->sequence)) return;
  for (size_t i = 0; i < PRINT_WORDS; i++) RELAXED_STORE(entry->words[i], words[i]);
  RELAXED_STORE(entry->index_and_source, function.index << 1 | function.has_source);
  RELAXED_STORE(entry->range, (uint64_t)(uint32_t)function.start << 32 | (uint32_t)function.end);
  seq_write_end(&entry->sequence);
}

/* Both objects were found to be what they should be. */
static void remember_pages(const struct fingerprint *print) {
  mp_peek_remember(field(print->shared, 0), MP_V8_SHARED_BYTES);
  if (print->script_id != 0) mp_peek_remember(field(print->script, mp_v8_layout.script_id), 8);
}

static struct entry *entry_of(uint64_t shared) { return &cache[(shared * 0x9e3779b97f4a7c15ull) >> (64 - CACHE_BITS)]; }

void mp_v8_prefetch_cached_function(uint64_t shared) { __builtin_prefetch(entry_of(shared)); }

struct mp_v8_function mp_v8_find_function(uint64_t shared) {
  struct fingerprint print;
  if (!take_fingerprint(shared, &print)) return (struct mp_v8_function){.index = MP_NONE};
  struct entry *entry = entry_of(print.shared);
  uint32_t begun = seq_read_begin(&entry->sequence);
  if (matches(entry, &print)) {
    uint32_t packed = RELAXED_LOAD(entry->index_and_source);
    uint64_t range = RELAXED_LOAD(entry->range);
    if (seq_read_valid(&entry->sequence, begun)) {
      remember_pages(&print);
      VERIFY(decode(print.shared).index == packed >> 1);
      return (struct mp_v8_function){packed >> 1, packed & 1, (int32_t)(range >> 32), (int32_t)range};
    }
  }
  struct mp_v8_function function = decode(print.shared);
  if (function.index == MP_NONE) return function;
  remember_pages(&print);
  remember(entry, &print, function);
  return function;
}

void mp_v8_forget_functions(void) {
  for (size_t i = 0; i < 1 << CACHE_BITS; i++) if (RELAXED_LOAD(cache[i].words[0]) != 0) RELAXED_STORE(cache[i].words[0], 0);
}
