import type { NamedPool } from './pool.js';

/** What the copies of this package in one thread share, so that a pool has one count of its arenas. */
interface Shared {
  readonly pools: Map<string, NamedPool>;
}

const KEY = Symbol.for('memprof.shared.1');

/** Made with the first pool: importing the package changes nothing. */
export function shared(): Shared {
  const holder = globalThis as { [key: symbol]: Shared | undefined };
  const known = holder[KEY];
  if (known !== undefined) return known;
  const fresh: Shared = { pools: new Map() };
  Object.defineProperty(holder, KEY, { value: fresh });
  return fresh;
}
