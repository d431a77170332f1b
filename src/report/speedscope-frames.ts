import { type Frame, type FramesOfLocation, locationReader, NO_STACK, placeOf } from '../model/frames.js';
import type { Profile } from '../model/profile.js';
import { type Slice, TextPool } from './text-pool.js';

interface SpeedscopeFrame {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
  readonly col?: number;
}

/** A frame before it belongs to an arena. */
interface Placed {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Frames by number, each once. */
export class FrameTable {
  readonly frames: SpeedscopeFrame[] = [];
  readonly #places: Placed[] = [];
  readonly #placeNumbers = new Map<string, number>();
  /** Of each location, the outermost first. */
  readonly #placesOf: (readonly number[] | undefined)[];
  /** By arena, then by place: the number of the frame and 1; 0 for not yet. A place has a frame in each of many arenas. */
  readonly #numbers = new Map<string, number[]>();
  /** By arena, then by location: where in `#numerals` its frames stand; 0 for not yet. */
  readonly #known = new Map<string, Uint32Array>();
  /** `,12,13` and a zero byte. */
  readonly #numerals = new TextPool();
  readonly #paths = new TextPool();
  readonly #locations: number;
  readonly framesOf: FramesOfLocation;

  constructor(profile: Profile) {
    this.framesOf = locationReader(profile);
    this.#locations = profile.locations.size + 1;
    this.#placesOf = new Array<readonly number[] | undefined>(this.#locations);
  }

  /**
   * Makes a call path a JSON list of frame numbers, root first, below `roots`. `prefix` names the arena, '' for none. Where there is no
   * source file, the binary is the place. Stacks are nine tenths of the file, and each is in several profiles.
   */
  listOf(stack: readonly number[], prefix: string, roots: readonly number[]): Slice {
    let known = this.#known.get(prefix);
    if (known === undefined) {
      known = new Uint32Array(this.#locations);
      this.#known.set(prefix, known);
    }
    const numbers = stack.length === 0 ? [...roots, this.add(NO_STACK, prefix)] : roots;
    const start = this.#paths.add(`[${numbers.join(',')}`);
    for (let at = stack.length - 1; at >= 0; at--) {
      const id = stack[at] ?? 0;
      let numerals = known[id] ?? 0;
      if (numerals === 0) {
        numerals = this.#numeralsOf(id, prefix);
        known[id] = numerals;
      }
      // Before the first number there is no comma.
      this.#paths.addFrom(this.#numerals, this.#paths.end === start + 1 ? numerals + 1 : numerals);
    }
    this.#paths.add(']');
    return { start, end: this.#paths.end };
  }

  /** A JSON list of call paths. */
  listOfPaths(paths: readonly Slice[]): Buffer {
    return this.#paths.listOf(paths);
  }

  #numeralsOf(id: number, prefix: string): number {
    let places = this.#placesOf[id];
    if (places === undefined) {
      places = [...this.framesOf(id)].reverse().map((frame) => this.#placeNumber(placed(frame)));
      this.#placesOf[id] = places;
    }
    const numbers = places.map((place) => `,${this.#numberOf(place, prefix)}`);
    return this.#numerals.add(`${numbers.join('')}\0`);
  }

  /** `prefix` names the arena, '' for none. */
  add(frame: Placed, prefix: string): number {
    return this.#numberOf(this.#placeNumber(frame), prefix);
  }

  #placeNumber(frame: Placed): number {
    const key = `${frame.name}\0${frame.file}\0${frame.line}\0${frame.column}`;
    let number = this.#placeNumbers.get(key);
    if (number === undefined) {
      number = this.#places.push(frame) - 1;
      this.#placeNumbers.set(key, number);
    }
    return number;
  }

  #numberOf(place: number, prefix: string): number {
    let numbers = this.#numbers.get(prefix);
    if (numbers === undefined) {
      numbers = [];
      this.#numbers.set(prefix, numbers);
    }
    while (numbers.length <= place) numbers.push(0);
    const known = numbers[place] ?? 0;
    if (known > 0) return known - 1;
    const { name, file: bare, line, column } = this.#places[place] ?? NO_STACK;
    const file = prefix === '' || bare === '' ? prefix || bare : `${prefix} > ${bare}`;
    const number = this.frames.push({
      name,
      ...(file !== '' && { file }),
      ...(line > 0 && { line }),
      ...(column > 0 && { col: column }),
    });
    numbers[place] = number;
    return number - 1;
  }
}

/**
 * An approximate line stands in the text of the file, `count.js:~17`, and not in the field for lines: a name of its own would
 * make another function of it.
 */
function placed(frame: Frame): Placed {
  if (frame.approximate) return { name: frame.name, file: placeOf(frame), line: 0, column: 0 };
  return { name: frame.name, file: frame.file || frame.module, line: frame.line, column: frame.column };
}
