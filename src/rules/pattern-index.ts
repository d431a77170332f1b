import type { Pattern } from './pattern.js';

/** Finds which of many patterns match a text, without trying them all. */
export interface PatternIndex<T> {
  add(pattern: Pattern, value: T): void;
  /** The values of all patterns that match. */
  find(text: string): T[];
}

interface Entry<T> {
  readonly pattern: Pattern;
  readonly value: T;
}

/** Characters of a piece. */
const PIECE = 4;

/**
 * Every pattern waits under one piece of four characters that its matches must contain, the one under which the fewest wait already. A
 * text is asked for its own pieces: with thousands of rules a few patterns are tried.
 */
export function createPatternIndex<T>(): PatternIndex<T> {
  const byPiece = new Map<number, Entry<T>[]>();
  /** Too short for a piece. */
  const others: Entry<T>[] = [];

  return {
    add(pattern, value) {
      const { literal } = pattern;
      let waiting: Entry<T>[] | undefined;
      let best = -1;
      for (let at = 0; at + PIECE <= literal.length; at++) {
        const piece = pieceAt(literal, at);
        const here = byPiece.get(piece) ?? [];
        if (waiting !== undefined && here.length >= waiting.length) continue;
        waiting = here;
        best = piece;
      }
      if (waiting === undefined) others.push({ pattern, value });
      else {
        waiting.push({ pattern, value });
        byPiece.set(best, waiting);
      }
    },
    find(text) {
      const found: T[] = [];
      let tried: Set<Entry<T>[]> | undefined;
      const tryAll = (entries: readonly Entry<T>[]): void => {
        for (const { pattern, value } of entries) if (pattern.test(text)) found.push(value);
      };
      tryAll(others);
      for (let at = 0; at + PIECE <= text.length; at++) {
        const waiting = byPiece.get(pieceAt(text, at));
        if (waiting === undefined || tried?.has(waiting)) continue;
        tried ??= new Set();
        tried.add(waiting);
        tryAll(waiting);
      }
      return found;
    },
  };
}

/** Four characters as a number. Two pieces may share one: the patterns decide. */
function pieceAt(text: string, at: number): number {
  let piece = 0;
  for (let i = at; i < at + PIECE; i++) piece = (piece << 7) ^ text.charCodeAt(i);
  return piece & 0x3fffffff;
}
