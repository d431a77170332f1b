/** Numbers for tags where the native sampler is not there: --no-native, macOS. They name V8's samples, and nothing else is recorded of them. */
import threads = require('node:worker_threads');

import type { TagTable } from './types.cjs';

/** As many as the native table has. The last quarter is not for arenas, so that there is room for what stands for them. */
const MAX_TAGS = 65_536;
const MAX_ARENA_TAG = 49_152;
const ENVIRONMENT_KEY = 'memprof.agent.ordinals';
/** Pools share a word when their names hash to the same one: numbers are left out then, and none comes twice. */
const ORDINAL_WORDS = 4096;

/** The tags of this thread; the arenas of a pool are numbered over all threads of the process. */
function createLocalTags(): TagTable {
  const ordinals = openOrdinals();
  const known = new Map<string, number>();
  const poolNames = new Map<number, string>();
  const ordinalOf = new Map<number, number>();
  let last = 0;

  const next = (): number => (last + 1 < MAX_TAGS ? ++last : 0);

  function intern(key: string): number {
    const tag = known.get(key) ?? next();
    if (tag !== 0) known.set(key, tag);
    return tag;
  }

  return {
    definePool(name) {
      const tag = intern(`pool ${name}`);
      if (tag !== 0) poolNames.set(tag, name);
      return tag;
    },
    defineArena(pool) {
      const ordinal = Atomics.add(ordinals, hash(poolNames.get(pool) ?? '') % ORDINAL_WORDS, 1) + 1;
      ordinalOf.set(pool, ordinal);
      const tag = last < MAX_ARENA_TAG ? next() : 0;
      if (tag !== 0) ordinalOf.set(tag, ordinal);
      return tag;
    },
    defineStage: (name) => intern(`stage ${name}`),
    defineLabels: (text) => intern(`labels ${text}`),
    defineContext: (arena, stage, labels) => intern(`context ${arena} ${stage} ${labels}`),
    releaseArena: () => undefined,
    ordinalOf: (tag) => ordinalOf.get(tag) ?? 0,
    count: () => undefined,
  };
}

/** Made by the main thread's agent, before there is a worker. */
function openOrdinals(): Uint32Array<SharedArrayBuffer> {
  const shared: unknown = threads.getEnvironmentData(ENVIRONMENT_KEY);
  if (shared instanceof SharedArrayBuffer) return new Uint32Array(shared);
  const fresh = new SharedArrayBuffer(ORDINAL_WORDS * Uint32Array.BYTES_PER_ELEMENT);
  threads.setEnvironmentData(ENVIRONMENT_KEY, fresh as unknown as threads.Serializable);
  return new Uint32Array(fresh);
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

export = { createLocalTags };
