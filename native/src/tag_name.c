#include "tag_name.h"

#include <stdbool.h>
#include <string.h>

#define UNNAMED "(unnamed)"

/* The length of the character at `p`; 0 if there is none of well-formed UTF-8 (no surrogates, no longer form than needed). */
static size_t character(const unsigned char *p, size_t bytes) {
  unsigned char first = p[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > bytes) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
  }
  bool longer = (first == 0xe0 && p[1] < 0xa0) || (first == 0xf0 && p[1] < 0x90);
  bool surrogate = first == 0xed && p[1] >= 0xa0, beyond = first == 0xf4 && p[1] >= 0x90;
  return longer || surrogate || beyond ? 0 : length;
}

/* Control characters, and the separators of lines and paragraphs: what would break a line of a report. */
static bool is_printable(const unsigned char *p, size_t length) {
  if (length == 1) return p[0] >= 0x20 && p[0] != 0x7f;
  if (length == 2) return !(p[0] == 0xc2 && p[1] < 0xa0);
  return !(length == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9));
}

size_t mp_tag_clean_name(char *out, size_t limit, const char *utf8, size_t bytes) {
  const unsigned char *in = (const unsigned char *)utf8;
  size_t written = 0;
  for (; bytes > 0 && in[0] == ' '; bytes--) in++;
  while (bytes > 0 && in[bytes - 1] == ' ') bytes--;
  for (size_t at = 0; at < bytes;) {
    size_t length = character(in + at, bytes - at), step = length ? length : 1;
    bool kept = length != 0 && is_printable(in + at, length);
    if (written + (kept ? length : 1) > limit) break;
    memcpy(out + written, kept ? (const char *)in + at : "_", kept ? length : 1);
    written += kept ? length : 1;
    at += step;
  }
  if (written > 0) return written;
  memcpy(out, UNNAMED, sizeof UNNAMED - 1);
  return sizeof UNNAMED - 1;
}
