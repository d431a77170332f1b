#include "stub_store.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/symbols.h"

#define ARENA_BYTES (1u << 24)
#define MAX_FUNCTIONS (1u << 16)
#define INDEX_ENTRIES (1u << 17)

_Atomic uint64_t stub_counters[MP_COUNTER_COUNT];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char arena[ARENA_BYTES] = "\0\0\0";
static uint32_t arena_used = 4;
static struct mp_function functions[MAX_FUNCTIONS];
static uint32_t function_count;
static uint32_t string_index[INDEX_ENTRIES], function_index[INDEX_ENTRIES];

void mp_count(enum mp_counter counter, uint64_t by) {
  stub_counters[counter] += by;
}

struct mp_header *mp_store_header(void) { return NULL; }

/* A V8 that is another than it says:
 *   JS_PROBE_HIDE       hides the symbols that start so: a V8 that exports less
 *   JS_PROBE_SHIFT      PREFIX=BY: adds BY to the symbols that start so, offsets or types
 *   JS_PROBE_VERSION    MAJOR.MINOR: takes it for that version */
void *mp_symbol(const char *name) {
  static int values[64], count;
  const char *hidden = getenv("JS_PROBE_HIDE"), *shifted = getenv("JS_PROBE_SHIFT"), *version = getenv("JS_PROBE_VERSION");
  if (hidden && strncmp(name, hidden, strlen(hidden)) == 0) return NULL;
  int *symbol = dlsym(RTLD_DEFAULT, name);
  if (!symbol || count == 64) return symbol;
  int value = *symbol;
  if (shifted && strncmp(name, shifted, strcspn(shifted, "=")) == 0) value += atoi(strchr(shifted, '=') + 1);
  if (version && strcmp(name, "_ZN2v88internal7Version6major_E") == 0) value = atoi(version);
  if (version && strcmp(name, "_ZN2v88internal7Version6minor_E") == 0) value = atoi(strchr(version, '.') + 1);
  if (value == *symbol) return symbol;
  values[count] = value;
  return &values[count++];
}

static uint32_t hash(const void *bytes, size_t n) {
  uint64_t h = 1469598103934665603ull;
  for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 1099511628211ull;
  return (uint32_t)(h >> 20) % INDEX_ENTRIES;
}

uint32_t mp_store_string(const char *utf8, size_t bytes) {
  uint32_t id = 0, length = (uint32_t)bytes, stored;
  if (bytes == 0) return 0;
  pthread_mutex_lock(&lock);
  uint32_t at = hash(utf8, bytes);
  for (; (id = string_index[at]) != 0; at = (at + 1) % INDEX_ENTRIES) {
    memcpy(&stored, arena + id, 4);
    if (stored == length && memcmp(arena + id + 4, utf8, bytes) == 0) break;
  }
  if (id == 0 && arena_used + bytes + 8 < ARENA_BYTES) {
    id = string_index[at] = arena_used;
    memcpy(arena + id, &length, 4);
    memcpy(arena + id + 4, utf8, bytes);
    arena_used += (4 + length + 3) & ~3u;
  }
  pthread_mutex_unlock(&lock);
  return id;
}

uint32_t mp_store_function(const struct mp_function *function) {
  uint32_t index = MP_NONE;
  pthread_mutex_lock(&lock);
  uint32_t at = hash(function, sizeof *function);
  for (; function_index[at] != 0; at = (at + 1) % INDEX_ENTRIES) {
    if (memcmp(&functions[function_index[at] - 1], function, sizeof *function) == 0) break;
  }
  if (function_index[at] != 0) index = function_index[at] - 1;
  else if (function_count < MAX_FUNCTIONS) {
    index = function_count++;
    functions[index] = *function;
    function_index[at] = function_count;
  }
  pthread_mutex_unlock(&lock);
  return index;
}

struct line {
  char text[60000];
  size_t used;
};

static void put(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct line *line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(line->text + line->used, sizeof line->text - line->used, format, arguments);
  va_end(arguments);
  if (n > 0 && line->used + (size_t)n < sizeof line->text) line->used += (size_t)n;
}

static void put_string(struct line *line, uint32_t id) {
  uint32_t length;
  memcpy(&length, arena + id, 4);
  put(line, "\"");
  for (uint32_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)arena[id + 4 + i];
    if (c < 32 || c == '"' || c == '\\') put(line, "\\u%04x", c);
    else put(line, "%c", c);
  }
  put(line, "\"");
}

void stub_print_stack(int fd, uint64_t mark, const uint64_t *frames, int count) {
  struct line line;
  line.used = 0;
  put(&line, "{\"mark\":%lu,\"frames\":[", mark);
  for (int i = 0; i < count; i++) {
    uint64_t frame = frames[i];
    if (i > 0) put(&line, ",");
    if (!(frame & MP_FRAME_JS)) {
      put(&line, "\"%lx\"", frame);
      continue;
    }
    const struct mp_function *f = &functions[frame >> 32 & 0x3ffffff];
    put(&line, "[");
    put_string(&line, f->name);
    put(&line, ",");
    put_string(&line, f->script);
    put(&line, ",%d,%d,%d,%d,%u,\"%s%s\"]", (int)(uint32_t)frame - 1, f->start, f->end, f->script_id, f->flags,
        frame & MP_FRAME_JS_INLINED ? "I" : "", frame & MP_FRAME_JS_APPROX ? "A" : "");
  }
  put(&line, "]}\n");
  if (write(fd, line.text, line.used) < 0) return;
}
