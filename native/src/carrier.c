#include "carrier.h"

#include "wire.h"

uint32_t mp_carrier_current(uint8_t *source) {
  *source = MP_TAG_SOURCE_NONE;
  return 0;
}
