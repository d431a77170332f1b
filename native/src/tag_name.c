#include "tag_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* The length of the character at `p`; 0 if there is none of well-formed UTF-8 (no surrogates, no longer form than needed), or
 * a control character. */
static size_t character(const unsigned char *p, size_t bytes) {
  unsigned char first = p[0];
  if (first < 0x80) return first >= 0x20 && first != 0x7f;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > bytes) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
  }
  bool longer = (first == 0xe0 && p[1] < 0xa0) || (first == 0xf0 && p[1] < 0x90);
  bool surrogate = first == 0xed && p[1] >= 0xa0, beyond = first == 0xf4 && p[1] >= 0x90;
  bool control = first == 0xc2 && p[1] < 0xa0;
  /* Two bytes of a control character become one mark: its second byte is skipped by the caller. */
  return longer || surrogate || beyond || control ? 0 : length;
}

static size_t skip(const unsigned char *p, size_t bytes) { return p[0] == 0xc2 && bytes > 1 && p[1] < 0xa0 && p[1] >= 0x80 ? 2 : 1; }

size_t mp_tag_clean_name(char *out, size_t limit, const char *utf8, size_t bytes) {
  const unsigned char *in = (const unsigned char *)utf8;
  size_t written = 0;
  if (bytes == 0) {
    in = (const unsigned char *)"unnamed";
    bytes = 7;
  }
  for (size_t at = 0; at < bytes;) {
    size_t length = character(in + at, bytes - at), wanted = length ? length : sizeof REPLACEMENT - 1;
    if (written + wanted > limit) break;
    memcpy(out + written, length ? (const char *)in + at : REPLACEMENT, wanted);
    written += wanted;
    at += length ? length : skip(in + at, bytes - at);
  }
  return written;
}
