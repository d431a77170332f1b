/* Watches the garbage collections of V8's isolates. */
#ifndef MEMPROF_COLLECTIONS_H
#define MEMPROF_COLLECTIONS_H

#include "napi.h"

/* Adds what the agent calls, once a thread of Node's. */
void mp_collections_export(napi_env env, napi_value exports);

#endif
