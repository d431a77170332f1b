import { agent, COUNTER } from './agent.js';
import { type Arena, createArena } from './arena.js';
import { checkName } from './names.js';
import { shared } from './shared.js';

/** A named group of arenas. */
export interface Pool {
  readonly name: string;
  /** What it may have live at once; reports compare the peak with it. 0: no budget. */
  readonly budgetBytes: number;
  /** A new arena, `<name>#1` and so on. */
  arena(): Arena;
  /** Something was found in the pool and used again. */
  hit(): void;
  /** Something had to be made. */
  miss(): void;
  /** What this thread has counted so far, with and without a profiler. */
  stats(): PoolStats;
}

export interface PoolStats {
  readonly hits: number;
  readonly misses: number;
  /** Given out. */
  readonly arenas: number;
  readonly released: number;
  readonly doubleReleases: number;
  readonly usesAfterRelease: number;
}

export interface PoolOptions {
  /** Bytes; 0 or Infinity: no budget. */
  readonly budgetBytes?: number;
}

/** A pool is for a kind of memory. One for each request would be a leak in here. */
const MAX_POOLS = 1000;
const TOO_MANY = '(other)';

/**
 * The pool of that name; the first call makes it. A budget that is given later replaces the one before.
 * @throws TypeError if the name is no string or the budget no number of bytes.
 */
export function pool(name: string, options: PoolOptions = {}): Pool {
  const cleaned = checkName('a pool', name);
  const budgetBytes = checkBudget(options.budgetBytes);
  const { pools } = shared();
  const key = pools.size < MAX_POOLS || pools.has(cleaned) ? cleaned : TOO_MANY;
  let known = pools.get(key);
  if (known === undefined) {
    known = new NamedPool(key);
    pools.set(key, known);
  }
  if (budgetBytes !== undefined) known.setBudget(budgetBytes);
  return known;
}

/**
 * `pool(name).arena()`.
 * @throws TypeError if the name is no string.
 */
export function arena(name: string): Arena {
  return pool(name).arena();
}

function checkBudget(bytes: unknown): number | undefined {
  if (bytes === undefined) return undefined;
  if (typeof bytes !== 'number' || !(bytes >= 0)) throw new TypeError('memprof: budgetBytes must be a number of bytes');
  return bytes === Number.POSITIVE_INFINITY ? 0 : bytes;
}

type PoolCounts = { -readonly [Name in keyof PoolStats]: PoolStats[Name] };

/** A class, because V8 inlines its methods: hit() is a few ns shorter than as a function of an object. */
export class NamedPool implements Pool {
  readonly name: string;
  readonly #tag: number;
  readonly #counts: PoolCounts = { hits: 0, misses: 0, arenas: 0, released: 0, doubleReleases: 0, usesAfterRelease: 0 };
  #budgetBytes = 0;
  #lastOrdinal = 0;

  constructor(name: string) {
    this.name = name;
    this.#tag = agent?.pool(name, 0) ?? 0;
  }

  get budgetBytes(): number {
    return this.#budgetBytes;
  }

  /** For pool() alone. */
  setBudget(bytes: number): void {
    this.#budgetBytes = bytes;
    agent?.pool(this.name, bytes);
  }

  arena(): Arena {
    const counts = this.#counts;
    counts.arenas++;
    const recorded = agent?.arena(this.#tag);
    const ordinal = recorded?.ordinal || this.#lastOrdinal + 1;
    this.#lastOrdinal = ordinal;
    const isRecorded = recorded !== undefined && recorded.tag !== 0;
    return createArena(this.name, ordinal, isRecorded ? recorded.tag : this.#tag, isRecorded, counts);
  }

  hit(): void {
    this.#counts.hits++;
    if (agent !== undefined) agent.count(this.#tag, COUNTER.hits, 1);
  }

  miss(): void {
    this.#counts.misses++;
    if (agent !== undefined) agent.count(this.#tag, COUNTER.misses, 1);
  }

  stats(): PoolStats {
    return { ...this.#counts };
  }
}
