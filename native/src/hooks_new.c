/* C++'s operator new and delete, under their mangled names. They go on to the real operators, which keep the program's
 * new-handler and exceptions; whether those come back to our malloc (libstdc++) or not (tcmalloc, mimalloc) shows in
 * the countdown, so that no allocation counts twice. */
#include <stdbool.h>

#include "hooks.h"
#include "live.h"
#include "real.h"
#include "sampler.h"
#include "symbols.h"

/* Resolved at the first call of each, because libstdc++ may be loaded long after us; then found in load order, also
 * where it was loaded for one addon alone, and again after a dlclose, which may have unloaded it. Without any C++
 * runtime there is nobody to throw: malloc has to do. */
struct operator{
  void *real;
  uint32_t closings; /* how many there had been when it was looked up */
};

static uint32_t closings;

void mp_operators_forget(void) { __atomic_fetch_add(&closings, 1, __ATOMIC_SEQ_CST); }

static MP_SLOW void *look_up(struct operator* self, const char *name, uint32_t now) {
  void *found = mp_symbol(name);
  if (!found || __atomic_load_n(&closings, __ATOMIC_ACQUIRE) != now) return found;
  __atomic_store_n(&self->real, found, __ATOMIC_RELEASE);
  __atomic_store_n(&self->closings, now, __ATOMIC_RELEASE); /* last: it vouches for the address */
  return found;
}

static inline void *find(struct operator* self, const char *name) {
  uint32_t now = __atomic_load_n(&closings, __ATOMIC_RELAXED);
  if (mp_likely(__atomic_load_n(&self->closings, __ATOMIC_ACQUIRE) == now)) {
    void *found = __atomic_load_n(&self->real, __ATOMIC_RELAXED);
    if (mp_likely(found != NULL)) return found;
  }
  return look_up(self, name, now);
}

#define NEW(name, parameters, arguments, stand_in)      \
  MP_HOOK void *name parameters {                       \
    static struct operator cache;                       \
    void *(*real)parameters = find(&cache, #name);      \
    struct mp_mark mark = mp_mark();                    \
    void *address = real ? real arguments : (stand_in); \
    mp_account_since(mark, address, bytes);             \
    return address;                                     \
  }

#define DELETE(name, parameters, arguments)                         \
  MP_HOOK void name parameters {                                    \
    static struct operator cache;                                   \
    if (mp_unlikely(mp_live_maybe(old))) mp_record_free(old, NULL); \
    void(*real) parameters = find(&cache, #name);                   \
    if (mp_unlikely(!real)) return mp_real.free(old);               \
    real arguments;                                                 \
  }

typedef const void *nothrow_t; /* const std::nothrow_t & */

NEW(_Znwm, (size_t bytes), (bytes), mp_real.malloc(bytes))
NEW(_Znam, (size_t bytes), (bytes), mp_real.malloc(bytes))
NEW(_ZnwmRKSt9nothrow_t, (size_t bytes, nothrow_t tag), (bytes, tag), mp_real.malloc(bytes))
NEW(_ZnamRKSt9nothrow_t, (size_t bytes, nothrow_t tag), (bytes, tag), mp_real.malloc(bytes))
NEW(_ZnwmSt11align_val_t, (size_t bytes, size_t alignment), (bytes, alignment), mp_real.memalign(alignment, bytes))
NEW(_ZnamSt11align_val_t, (size_t bytes, size_t alignment), (bytes, alignment), mp_real.memalign(alignment, bytes))
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, nothrow_t tag), (bytes, alignment, tag),
    mp_real.memalign(alignment, bytes))
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, nothrow_t tag), (bytes, alignment, tag),
    mp_real.memalign(alignment, bytes))

DELETE(_ZdlPv, (void *old), (old))
DELETE(_ZdaPv, (void *old), (old))
DELETE(_ZdlPvm, (void *old, size_t bytes), (old, bytes))
DELETE(_ZdaPvm, (void *old, size_t bytes), (old, bytes))
DELETE(_ZdlPvRKSt9nothrow_t, (void *old, nothrow_t tag), (old, tag))
DELETE(_ZdaPvRKSt9nothrow_t, (void *old, nothrow_t tag), (old, tag))
DELETE(_ZdlPvSt11align_val_t, (void *old, size_t alignment), (old, alignment))
DELETE(_ZdaPvSt11align_val_t, (void *old, size_t alignment), (old, alignment))
DELETE(_ZdlPvmSt11align_val_t, (void *old, size_t bytes, size_t alignment), (old, bytes, alignment))
DELETE(_ZdaPvmSt11align_val_t, (void *old, size_t bytes, size_t alignment), (old, bytes, alignment))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *old, size_t alignment, nothrow_t tag), (old, alignment, tag))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *old, size_t alignment, nothrow_t tag), (old, alignment, tag))
