import { type Frame, type FramesOfLocation, locationReader, NO_STACK, placeOf } from '../model/frames.js';
import type { Profile } from '../model/profile.js';

interface SpeedscopeFrame {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
  readonly col?: number;
}

/** Stacks are nine tenths of the file, and each is in several profiles: put together as text that was made once. */
export const list = (items: readonly (string | number)[]): string => `[${items.join(',')}]`;

/** Frames by number, each once. */
export class FrameTable {
  readonly frames: SpeedscopeFrame[] = [];
  readonly #numbers = new Map<string, number>();
  /** By arena, then by location: the numbers of its frames, as they stand in a list. */
  readonly #known = new Map<string, (string | undefined)[]>();
  readonly #locations: number;
  readonly framesOf: FramesOfLocation;

  constructor(profile: Profile) {
    this.framesOf = locationReader(profile);
    this.#locations = profile.locations.size + 1;
  }

  /**
   * A call path as a JSON list of frame numbers, root first, below `roots`. `prefix` names the arena, '' for none. Where there is no
   * source file, the binary is the place.
   */
  listOf(stack: readonly number[], prefix: string, roots: readonly number[]): string {
    let known = this.#known.get(prefix);
    if (known === undefined) {
      known = new Array<string | undefined>(this.#locations);
      this.#known.set(prefix, known);
    }
    const numbers: (string | number)[] = [...roots];
    if (stack.length === 0) numbers.push(this.add(NO_STACK, prefix));
    for (let at = stack.length - 1; at >= 0; at--) {
      const id = stack[at] ?? 0;
      const text = known[id] ?? this.#listOfLocation(id, prefix);
      known[id] = text;
      if (text !== '') numbers.push(text);
    }
    return list(numbers);
  }

  #listOfLocation(id: number, prefix: string): string {
    const outermostFirst = [...this.framesOf(id)].reverse();
    return outermostFirst.map((frame) => this.add(placed(frame), prefix)).join(',');
  }

  /** `prefix` names the arena, '' for none. */
  add(frame: { name: string; file: string; line: number; column: number }, prefix: string): number {
    const file = prefix === '' || frame.file === '' ? prefix || frame.file : `${prefix} > ${frame.file}`;
    const key = `${frame.name}\0${file}\0${frame.line}\0${frame.column}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.frames.length;
    this.frames.push({
      name: frame.name,
      ...(file !== '' && { file }),
      ...(frame.line > 0 && { line: frame.line }),
      ...(frame.column > 0 && { col: frame.column }),
    });
    this.#numbers.set(key, number);
    return number;
  }
}

/**
 * An approximate line stands in the text of the file, `count.js:~17`, and not in the field for lines: a name of its own would
 * make another function of it.
 */
function placed(frame: Frame): { name: string; file: string; line: number; column: number } {
  if (frame.approximate) return { name: frame.name, file: placeOf(frame), line: 0, column: 0 };
  return { ...frame, file: frame.file || frame.module };
}
