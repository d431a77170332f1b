/**
 * The profiler's side, where there is one: `memprof run` puts it on the global object of each thread before the program's first line.
 * Its shape is src/agent/tags.cts. A tag is the number of a pool, an arena, a stage or a set of labels in the recording; 0 is none.
 */
export interface Agent {
  readonly version: 1;
  pool(name: string, budgetBytes: number): number;
  arena(pool: number): { readonly tag: number; readonly ordinal: number };
  stage(name: string): number;
  /** @param text `key=value,key2=value2`, sorted by key. */
  labels(text: string): number;
  release(arena: number): void;
  count(tag: number, counter: number, by: number): void;
  /** So many more pieces of work are done. A profiler of before it was thought of has none. */
  iteration?(count: number): void;
  /** Calls `fn` with what the tag names in place of its like in the current context; also what `fn` awaits runs there. */
  run<T>(tag: number, fn: () => T): T;
  /** As run, for the call itself only: what `fn` starts and does not finish is not followed. */
  leaf<This, Args extends unknown[], T>(tag: number, fn: (this: This, ...args: Args) => T, self: This, args: Args): T;
}

/** Indexes of a tag's counters: `struct mp_tag` in native/src/wire.h. */
export const COUNTER = { hits: 0, misses: 1, doubleReleases: 2, usesAfterRelease: 3 } as const;

/** Looked up once: a call without a profiler costs one comparison. */
export const agent: Agent | undefined = findAgent();

function findAgent(): Agent | undefined {
  const found = (globalThis as { [key: symbol]: unknown })[Symbol.for('memprof.agent')] as Agent | undefined;
  return found?.version === 1 ? found : undefined;
}
