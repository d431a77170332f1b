/* Names that programs give, as the store keeps them. */
#ifndef MEMPROF_TAG_NAME_H
#define MEMPROF_TAG_NAME_H

#include <stddef.h>

/* Writes at most `limit` bytes of UTF-8 to `out` and returns their number. As src/api/names.ts has it: each control character, line
 * or paragraph separator, and each byte that is no UTF-8, becomes `_`; blanks at both ends go; what is too long is cut between two
 * characters; an empty name becomes "(unnamed)". */
size_t mp_tag_clean_name(char *out, size_t limit, const char *utf8, size_t bytes);

#endif
