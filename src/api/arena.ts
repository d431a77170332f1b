/// <reference lib="esnext.disposable" preserve="true" />
import { agent, COUNTER } from './agent.js';
import { runIn, type Scope, wrapIn } from './scope.js';
import { streamIn } from './stream.js';

/** What the pool of an arena keeps count of. */
export interface ArenaCounts {
  released: number;
  doubleReleases: number;
  usesAfterRelease: number;
}

/** Memory that is to go at one time: the cache of one request, one session, one model. Made by pool().arena(). */
export interface Arena extends Scope {
  /** `kv-cache#1`: the pool's name and a number that no other arena of that pool has in this process. */
  readonly id: string;
  readonly released: boolean;
  /**
   * Its bytes should go now: what is live from here on is reported as live after release. To release it again, or to run in it, is
   * counted and otherwise does what it did before.
   */
  release(): void;
  /** release(), for `using`. */
  [Symbol.dispose](): void;
  /** release(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param tag its own or, when the recording had no room for it, that of its pool. */
export function createArena(
  poolName: string,
  ordinal: number,
  tag: number,
  isRecorded: boolean,
  counts: ArenaCounts,
): Arena {
  return new PoolArena(poolName, ordinal, tag, isRecorded, counts);
}

/** A class for the sake of its size: a server makes one for each request. */
class PoolArena implements Arena {
  readonly #poolName: string;
  readonly #ordinal: number;
  readonly #tag: number;
  readonly #isRecorded: boolean;
  readonly #counts: ArenaCounts;
  #released = false;

  constructor(poolName: string, ordinal: number, tag: number, isRecorded: boolean, counts: ArenaCounts) {
    this.#poolName = poolName;
    this.#ordinal = ordinal;
    this.#tag = tag;
    this.#isRecorded = isRecorded;
    this.#counts = counts;
  }

  get id(): string {
    return `${this.#poolName}#${this.#ordinal}`;
  }

  get released(): boolean {
    return this.#released;
  }

  run<T>(fn: () => T): T {
    if (this.#released) this.#countLateUse();
    return runIn(this.#tag, fn);
  }

  wrap<This, Args extends unknown[], T>(fn: (this: This, ...args: Args) => T): (this: This, ...args: Args) => T {
    return wrapIn(this.#tag, fn, () => {
      if (this.#released) this.#countLateUse();
    });
  }

  stream<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterableIterator<T> {
    return streamIn((fn) => this.run(fn), source);
  }

  release(): void {
    if (this.#released) {
      this.#counts.doubleReleases++;
      agent?.count(this.#tag, COUNTER.doubleReleases, 1);
      return;
    }
    this.#released = true;
    this.#counts.released++;
    if (this.#isRecorded) agent?.release(this.#tag);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #countLateUse(): void {
    this.#counts.usesAfterRelease++;
    agent?.count(this.#tag, COUNTER.usesAfterRelease, 1);
  }
}
