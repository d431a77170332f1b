/* The malloc family. The fast path is a countdown (or a filter lookup) and a tail jump to the real function. */
#include <errno.h>

#include "hooks.h"
#include "live.h"
#include "real.h"
#include "sampler.h"

static MP_SLOW void *malloc_slow(size_t bytes) {
  bool due = mp_due(bytes);
  void *address = mp_real.malloc(bytes);
  if (due && address) mp_record(address, bytes);
  return address;
}

MP_HOOK void *malloc(size_t bytes) {
  if (mp_likely(mp_pass(bytes))) return mp_real.malloc(bytes);
  return malloc_slow(bytes);
}

static MP_SLOW void *calloc_slow(size_t count, size_t bytes) {
  size_t total;
  bool due = !__builtin_mul_overflow(count, bytes, &total) && mp_due(total);
  void *address = mp_real.calloc(count, bytes);
  if (due && address) mp_record(address, total);
  return address;
}

MP_HOOK void *calloc(size_t count, size_t bytes) {
  size_t total;
  if (mp_likely(!__builtin_mul_overflow(count, bytes, &total) && mp_pass(total))) return mp_real.calloc(count, bytes);
  return calloc_slow(count, bytes);
}

static MP_SLOW void free_slow(void *old) {
  mp_record_free(old, NULL);
  mp_real.free(old);
}

MP_HOOK void free(void *old) {
  if (mp_likely(!mp_live_maybe(old))) return mp_real.free(old);
  free_slow(old);
}

MP_HOOK void cfree(void *old) {
  if (mp_live_maybe(old)) mp_record_free(old, NULL);
  mp_real.cfree(old);
}

MP_HOOK void free_sized(void *old, size_t bytes) {
  if (mp_live_maybe(old)) mp_record_free(old, NULL);
  mp_real.free_sized(old, bytes);
}

MP_HOOK void free_aligned_sized(void *old, size_t alignment, size_t bytes) {
  if (mp_live_maybe(old)) mp_record_free(old, NULL);
  mp_real.free_aligned_sized(old, alignment, bytes);
}

/* The old block is forgotten before the call, because another thread may get its address the moment that realloc lets
 * go of it; when realloc fails the block is still there, and so must be its sample. */
static MP_SLOW void *realloc_slow(void *old, size_t bytes, bool passed) {
  bool due = !passed && mp_due(bytes);
  struct mp_live former;
  bool was_sampled = mp_live_maybe(old) && mp_record_free(old, &former);
  void *address = mp_real.realloc(old, bytes);
  if (!address && was_sampled && bytes != 0) mp_unrecord_free(&former);
  if (due && address) mp_record(address, bytes);
  return address;
}

MP_HOOK void *realloc(void *old, size_t bytes) {
  bool passed = mp_pass(bytes);
  if (mp_likely(passed && !mp_live_maybe(old))) return mp_real.realloc(old, bytes);
  return realloc_slow(old, bytes, passed);
}

/* glibc's own comes back to our realloc. */
MP_HOOK void *reallocarray(void *old, size_t count, size_t bytes) {
  size_t total;
  if (__builtin_mul_overflow(count, bytes, &total)) return mp_real.reallocarray(old, count, bytes);
  struct mp_live former;
  bool was_sampled = old && mp_live_maybe(old) && mp_record_free(old, &former);
  struct mp_mark mark = mp_mark();
  void *address = mp_real.reallocarray(old, count, bytes);
  if (!address && was_sampled && total != 0) mp_unrecord_free(&former);
  mp_account_since(mark, address, total);
  return address;
}

MP_HOOK void *memalign(size_t alignment, size_t bytes) {
  struct mp_mark mark = mp_mark();
  void *address = mp_real.memalign(alignment, bytes);
  mp_account_since(mark, address, bytes);
  return address;
}

MP_HOOK void *aligned_alloc(size_t alignment, size_t bytes) {
  struct mp_mark mark = mp_mark();
  void *address = mp_real.aligned_alloc(alignment, bytes);
  mp_account_since(mark, address, bytes);
  return address;
}

MP_HOOK int posix_memalign(void **out, size_t alignment, size_t bytes) {
  struct mp_mark mark = mp_mark();
  int error = mp_real.posix_memalign(out, alignment, bytes);
  if (error == 0) mp_account_since(mark, *out, bytes);
  return error;
}

MP_HOOK void *valloc(size_t bytes) {
  struct mp_mark mark = mp_mark();
  void *address = mp_real.valloc(bytes);
  mp_account_since(mark, address, bytes);
  return address;
}

MP_HOOK void *pvalloc(size_t bytes) {
  struct mp_mark mark = mp_mark();
  void *address = mp_real.pvalloc(bytes);
  mp_account_since(mark, address, bytes);
  return address;
}
