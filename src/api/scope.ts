import { agent } from './agent.js';
import { streamIn } from './stream.js';

/** Something that allocations can be counted to. */
export interface Scope {
  /** Calls `fn` and gives what it gives. What it allocates is counted here, also after its awaits and in its timers. */
  run<T>(fn: () => T): T;
  /**
   * A function that calls `fn` with the same `this` and arguments, a few ns dearer. Only what it allocates before it returns is counted
   * here: for synchronous code that is called often. For async functions use run.
   * @throws TypeError if `fn` is no function.
   */
  wrap<This, Args extends unknown[], T>(fn: (this: This, ...args: Args) => T): (this: This, ...args: Args) => T;
  /**
   * The same values as `source`; what `source` does to make them is counted here. The body of the loop that reads them is not.
   * It can be read once, as a generator.
   * @throws TypeError if `source` is no iterable.
   */
  stream<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterableIterator<T>;
}

/** @param tag 0: pass through. */
export function runIn<T>(tag: number, fn: () => T): T {
  return agent === undefined || tag === 0 ? fn() : agent.run(tag, fn);
}

/** @param beforeEach called before each call of the function. */
export function wrapIn<This, Args extends unknown[], T>(
  tag: number,
  fn: (this: This, ...args: Args) => T,
  beforeEach?: () => void,
): (this: This, ...args: Args) => T {
  if (typeof fn !== 'function') throw new TypeError(`memprof: wrap needs a function, not ${typeof fn}`);
  const inner = tag === 0 ? undefined : agent;
  const wrapped = function (this: This, ...args: Args): T {
    beforeEach?.();
    return inner === undefined ? fn.apply(this, args) : inner.leaf(tag, fn, this, args);
  };
  return Object.defineProperties(wrapped, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  });
}

/** The scope of a stage or of labels: they are never released. A class, because V8 inlines its methods: 4 ns a call. */
export class TagScope implements Scope {
  readonly #tag: number;

  constructor(tag: number) {
    this.#tag = tag;
  }

  run<T>(fn: () => T): T {
    return runIn(this.#tag, fn);
  }

  wrap<This, Args extends unknown[], T>(fn: (this: This, ...args: Args) => T): (this: This, ...args: Args) => T {
    return wrapIn(this.#tag, fn);
  }

  stream<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterableIterator<T> {
    return streamIn((fn) => this.run(fn), source);
  }
}
