/* AddressSanitizer wants its runtime to be the first library of a program, and ends it where it is not, because the
 * malloc that comes first might not lead to its own. Ours does (real.c), and so says this default, which the runtime
 * asks for before it looks. A program that brings defaults of its own is not helped. */
#include "hooks.h"

const char *__asan_default_options(void);

MP_HOOK const char *__asan_default_options(void) { return "verify_asan_link_order=0"; }
