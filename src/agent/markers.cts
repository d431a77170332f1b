/**
 * Marker frames: V8's sampler knows stacks and nothing else, so what allocates in a context runs inside a function whose script is named after it.
 * A function with a name of its own would not do: V8 inlines small ones, and a sample then has no frame of theirs.
 */
import vm = require('node:vm');

import type { Marker } from './types.cjs';

const SCRIPT_PREFIX = 'memprof-tag:';
/** Each takes about 22 us and 3.5 KB, and cannot go before the objects that were made under it. */
const MAX_CONTEXTS = 1000;
/** Beyond that, for contexts of pools, which stand for their arenas then. */
const MAX_POOL_CONTEXTS = 1100;
/** V8 inlines functions of up to 460 bytes of bytecode; one statement below has about 14. Never run. */
const PADDED_STATEMENTS = 60;

const SOURCE = `(function (call, a, b, c, pad) { if (pad !== undefined) { ${padding()} return pad; } return call(a, b, c); })`;

function padding(): string {
  let text = '';
  for (let i = 0; i < PADDED_STATEMENTS; i++) text += `pad = pad * ${i + 3} + call.length;`;
  return text;
}

interface Markers {
  /** A new marker, or undefined when there are enough. @param isPool whether the context is that of a whole pool. */
  create(context: number, isPool: boolean): Marker | undefined;
}

function createMarkers(): Markers {
  const { Script } = vm;
  let count = 0;
  return {
    create(context, isPool) {
      if (count >= (isPool ? MAX_POOL_CONTEXTS : MAX_CONTEXTS)) return undefined;
      count++;
      return new Script(SOURCE, { filename: `${SCRIPT_PREFIX}${context}` }).runInThisContext() as Marker;
    },
  };
}

export = { createMarkers };
