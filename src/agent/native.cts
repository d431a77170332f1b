/**
 * The native sampler, as far as this thread can ask it: libmemprof.so, which is preloaded, loaded once more as an addon. Loading what is
 * there already opens no file: the C library finds it by its name, which is why that is taken from LD_PRELOAD as it was at the start.
 */
import fs = require('node:fs');

import type { NativeCarrier } from './carrier-types.cjs';
import type { TagTable } from './types.cjs';

/** native/src/door.c. */
interface Native extends TagTable, NativeCarrier {
  /** The records of `struct mp_tag`, 24 words each; undefined where this Node allows no memory from outside. */
  tagTable(): Uint32Array | undefined;
  /** This thread's word for the context of a leaf call. To be asked for once a thread. */
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
  if (library === undefined || !isPreloaded()) return undefined;
  const holder: { exports: Partial<Native> } = { exports: {} };
  dlopen.call(process, holder, library);
  return holder.exports.definePool === undefined ? undefined : (holder.exports as Native);
}

/** Else dlopen would load a second sampler. */
function isPreloaded(): boolean {
  try {
    return readFileSync('/proc/self/maps', 'latin1').includes('/libmemprof.so');
  } catch {
    return false; // no /proc in this container
  }
}

export = { loadNative };
