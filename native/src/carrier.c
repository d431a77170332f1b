#include "carrier.h"

#include "v8_objects.h"

__thread struct mp_carrier mp_carrier __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* While objects move, what the prologue found holds: no JavaScript runs then that could change it. */
static uint32_t from_frame(void) {
  if (mp_carrier.collecting) return mp_carrier.at_collection;
  return mp_carrier_look_up(*mp_carrier.slot, *mp_carrier.key);
}

/* Before the first context, and after a turn of the microtask queue, the slot holds `undefined`. */
static uint32_t from_smi(void) {
  uint64_t word = *mp_carrier.slot;
  return is_smi(word) ? (uint32_t)smi_value(word) : 0;
}

static uint32_t from_rings(void) {
  double async_id = *mp_carrier.async_id;
  if (!(async_id >= 0 && async_id < 0x1p53)) return 0;
  uint32_t id = (uint32_t)(uint64_t)async_id;
  uint32_t written = (MP_RING_WRITTEN >> 16) | (id >> MP_RING_BITS);
  for (int i = 0; i < 2; i++) {
    uint32_t entry = mp_carrier.rings[i][id & (MP_RING_ENTRIES - 1)];
    if (entry >> 16 == written) return entry & 0xffff;
  }
  return 0;
}

uint32_t mp_carrier_current(uint8_t *source) {
  uint32_t context = 0;
  switch (mp_carrier.source) {
    case MP_TAG_SOURCE_CPED: context = from_frame(); break;
    case MP_TAG_SOURCE_SMI: context = from_smi(); break;
    case MP_TAG_SOURCE_RING: context = from_rings(); break;
    default: break;
  }
  *source = context ? mp_carrier.source : MP_TAG_SOURCE_NONE;
  return context;
}
