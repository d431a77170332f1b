#ifndef MEMPROF_CARRIER_DOOR_H
#define MEMPROF_CARRIER_DOOR_H

#include "napi.h"

/* Adds what the agent's carriers call. */
void mp_carrier_export(napi_env env, napi_value exports);

#endif
