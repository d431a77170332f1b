/**
 * The native sampler, as far as this thread can ask it: libmemprof.so, which is preloaded, loaded once more as an addon. Loading what is
 * there already opens no file: the C library finds it by its name, which is why that is taken from LD_PRELOAD as it was at the start.
 */
import fs = require('node:fs');

import type { NativeCarrier } from './carrier-types.cjs';
import type { TagTable } from './types.cjs';

/** native/src/door.c. */
interface Native extends TagTable, NativeCarrier {
  /** This thread's word for the context of a leaf call. To be asked for once a thread; undefined where this Node allows no memory from outside. */
  leafWord(): Int32Array | undefined;
}

/** As the program finds it: programs may wrap it. */
const dlopen = process.dlopen;
const { readFileSync } = fs;
const library = (process.env.LD_PRELOAD ?? '').split(/[\s:]+/).find((path) => path.endsWith('/libmemprof.so'));

/**
 * Undefined where there is no native sampler: --no-native, musl, LD_PRELOAD not honoured, or this process is not sampled.
 * @throws what dlopen says: permission model, --no-addons.
 */
function loadNative(): Native | undefined {
  // Only what is loaded: anything else would be a second sampler.
  const loaded = loadedLibrary();
  if (loaded === undefined) return undefined;
  const holder: { exports: Partial<Native> } = { exports: {} };
  dlopen.call(process, holder, library ?? loaded);
  return holder.exports.definePool === undefined ? undefined : (holder.exports as Native);
}

/** Where the kernel has it from: right also where the environment says nothing, as in a worker that was given another. */
function loadedLibrary(): string | undefined {
  try {
    return /^\S+ r-xp .* (\/.*\/libmemprof\.so)$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[1];
  } catch {
    return undefined; // no /proc in this container
  }
}

export = { loadNative };
