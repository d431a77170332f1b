/** Where a text stands in a `TextPool`. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

const [COMMA, OPENING, CLOSING] = [0x2c, 0x5b, 0x5d];

/** Many short ASCII texts in one array of bytes: as strings, each would be an object, and joining them would make all of them again. */
export class TextPool {
  #bytes = Buffer.allocUnsafe(1 << 16);
  /** 0 is the place of no text. */
  #used = 1;

  /** Where the next text will begin. */
  get end(): number {
    return this.#used;
  }

  /** Returns where the text begins. */
  add(text: string): number {
    const start = this.#used;
    this.#reserve(text.length);
    this.#used += this.#bytes.write(text, start, 'latin1');
    return start;
  }

  /** Adds what stands in another pool from a place on up to its next zero byte. */
  addFrom(other: TextPool, at: number): void {
    const from = other.#bytes;
    let next = this.#used;
    for (let place = at; from[place] !== 0; place++) {
      if (next === this.#bytes.length) this.#reserve(next - this.#used + 1);
      this.#bytes[next++] = from[place] ?? 0;
    }
    this.#used = next;
  }

  /** A JSON list of texts. */
  listOf(texts: readonly Slice[]): Buffer {
    const bytes = texts.reduce((sum, { start, end }) => sum + 1 + end - start, 0);
    const list = Buffer.allocUnsafe(Math.max(bytes, 1) + 1);
    let at = 0;
    for (const { start, end } of texts) {
      list[at++] = COMMA;
      at += this.#bytes.copy(list, at, start, end);
    }
    list[0] = OPENING;
    list[list.length - 1] = CLOSING;
    return list;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + bytes));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}
