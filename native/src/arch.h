/* What differs between processors: one small header each. */
#ifndef MEMPROF_ARCH_H
#define MEMPROF_ARCH_H

#if defined(__x86_64__)
#include "arch_x64.h"
#elif defined(__aarch64__)
#include "arch_arm64.h"
#else
#error "memprof's sampler knows x86-64 and arm64"
#endif

#endif
