import type { LoweredLine } from './agent-line.js';

/** Offsets of a script that --async-labels has rewritten, and of the text that it was made from. UTF-16 units. */
export interface LoweredScript {
  /**
   * Where something of the rewritten text comes from. What was put in belongs to what is before it.
   * @param isEnd the offset is behind the last unit of something.
   */
  toOriginal(offset: number, isEnd?: boolean): number;
  /** Where a line that begins at an offset of the original text begins in the rewritten one. */
  lineStart(offset: number): number;
}

interface Piece {
  readonly at: number;
  readonly removed: number;
  readonly added: number;
  /** Where it begins in the rewritten text. */
  readonly loweredAt: number;
}

export function loweredScript({ edits }: LoweredLine): LoweredScript {
  const pieces: Piece[] = [];
  let shift = 0;
  for (let i = 0; i + 2 < edits.length; i += 3) {
    const [at = 0, removed = 0, added = 0] = edits.slice(i, i + 3);
    pieces.push({ at, removed, added, loweredAt: at + shift });
    shift += added - removed;
  }

  /** The last piece for which `isBefore` holds; pieces are ascending. */
  function lastWhere(isBefore: (piece: Piece) => boolean): Piece | undefined {
    let low = 0;
    let high = pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const piece = pieces[middle];
      if (piece !== undefined && isBefore(piece)) low = middle + 1;
      else high = middle;
    }
    return pieces[low - 1];
  }

  return {
    toOriginal(offset, isEnd = false) {
      const piece = lastWhere(({ loweredAt }) => loweredAt <= offset);
      if (piece === undefined) return offset;
      const { at, removed, added, loweredAt } = piece;
      const into = offset - loweredAt;
      if (into >= added) return at + removed + (into - added);
      if (removed > 0) return at + Math.min(into, removed);
      return isEnd ? at : Math.max(0, at - 1);
    },
    lineStart(offset) {
      const piece = lastWhere(({ at }) => at < offset);
      // Within what was taken away: what was put in ends with its line ends.
      const beyond = piece === undefined ? 0 : Math.max(0, offset - piece.at - piece.removed);
      return piece === undefined ? offset : piece.loweredAt + piece.added + beyond;
    },
  };
}
