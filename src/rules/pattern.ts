/** A compiled pattern. */
export interface Pattern {
  readonly source: string;
  test(text: string): boolean;
  /** A piece of text that every match contains; '' if there is none. */
  readonly literal: string;
}

/**
 * Compiles a glob: `*` stands for any text, also with `::` or `/` in it, `?` for one character; everything else for itself. The work of a
 * test is at most the product of both lengths: no pattern can be slow in the way that regular expressions can.
 */
export function compilePattern(source: string): Pattern {
  if (!/[*?]/.test(source)) return { source, literal: source, test: (text) => text === source };
  const pieces = source.split(/\*+/);
  const literal = pieces.flatMap((piece) => piece.split('?')).reduce((a, b) => (b.length > a.length ? b : a), '');
  return { source, literal, test: source.includes('?') ? (text) => matches(source, text) : byPieces(pieces) };
}

/** Without `?` each piece can be taken where it is found first: a later place leaves less text for the others. */
function byPieces(pieces: readonly string[]): (text: string) => boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const between = pieces.slice(1, -1).filter((piece) => piece !== '');
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found === -1 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

/** Goes back to the last `*` only: earlier ones need not take more. */
function matches(glob: string, text: string): boolean {
  let at = 0;
  let in_ = 0;
  let star = -1;
  let starIn = 0;
  while (in_ < text.length) {
    if (glob[at] === '*') {
      star = at++;
      starIn = in_;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === text[in_])) {
      at++;
      in_++;
    } else if (star >= 0) {
      at = star + 1;
      in_ = ++starIn;
    } else return false;
  }
  while (glob[at] === '*') at++;
  return at === glob.length;
}

/** True if one of the patterns matches. */
export function compilePatterns(patterns: string | readonly string[]): (text: string) => boolean {
  const all = [patterns].flat().map(compilePattern);
  return (text) => all.some((pattern) => pattern.test(text));
}
