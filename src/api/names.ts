const MAX_BYTES = 128;
/** Control characters, line and paragraph separators, halves of surrogate pairs: what would break a line of a report. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu;
const ONE_BYTE_EACH = /^[ -~]*$/;

/** A name as it is recorded: on one line, at most 128 bytes of UTF-8, never empty. Names that become equal are one. */
export function cleanName(name: string): string {
  const printable = name.replace(UNPRINTABLE, '_').trim();
  return cut(printable) || '(unnamed)';
}

function cut(text: string): string {
  if (ONE_BYTE_EACH.test(text)) return text.slice(0, MAX_BYTES);
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += bytesOf(character.codePointAt(0) ?? 0);
    if (bytes > MAX_BYTES) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function bytesOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** @throws TypeError if it is none: a mistake in the program text, which its first run shows. */
export function checkName(what: string, name: unknown): string {
  if (typeof name !== 'string')
    throw new TypeError(`memprof: the name of ${what} must be a string, not ${typeof name}`);
  return cleanName(name);
}
