/* An async-signal-safe malloc to preload beside the sampler, or to link into a program: it never reuses anything. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)64 << 30)

static char *base;
static size_t used;

static void *take(size_t alignment, size_t bytes) {
  if (bytes > ARENA_BYTES / 2) return errno = ENOMEM, NULL;
  if (!base) base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  size_t start = __atomic_fetch_add(&used, bytes + alignment + 32, __ATOMIC_RELAXED);
  uintptr_t at = ((uintptr_t)base + start + 16 + alignment - 1) & ~(uintptr_t)(alignment - 1);
  ((size_t *)at)[-1] = bytes;
  return (void *)at;
}

void *malloc(size_t bytes) { return take(16, bytes); }
void *calloc(size_t count, size_t bytes) {
  size_t total = 0;
  return take(16, __builtin_mul_overflow(count, bytes, &total) ? ARENA_BYTES : total);
}
void *memalign(size_t alignment, size_t bytes) { return take(alignment < 16 ? 16 : alignment, bytes); }
void *realloc(void *old, size_t bytes) {
  void *fresh = take(16, bytes);
  if (old && fresh) memcpy(fresh, old, ((size_t *)old)[-1] < bytes ? ((size_t *)old)[-1] : bytes);
  return fresh;
}
void free(void *old) { (void)old; }
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *fresh = memalign(alignment, bytes);
  if (fresh) *out = fresh;
  return fresh ? 0 : ENOMEM;
}
