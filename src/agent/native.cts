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
  /** native/src/collections.c. True if this isolate's collections are recorded from now on. */
  watchCollections(threadId: number, heapLimitBytes: number): boolean;
  /** 1: collections from here on are the profiler's; 0: they are the program's. */
  ownCollections(own: 0 | 1): void;
  recordHeapSize(): void;
  /** native/src/allocator_figures.h; '' where the allocator has none. */
  allocatorFigures(): string;
}

/** As the program finds it: programs may wrap it. */
const dlopen = process.dlopen;
const { readFileSync } = fs;
const library = (process.env.LD_PRELOAD ?? '').split(/[\s:]+/).find((path) => path.endsWith('/libmemprof.so'));

/**
 * Undefined where there is no native sampler: --no-native, musl, LD_PRELOAD not honoured, or this process is not sampled.
 * @param maps `/proc/self/maps`, where the caller has it.
 * @throws what dlopen says: permission model, --no-addons.
 */
function loadNative(maps?: string): Native | undefined {
  // Only what is loaded: anything else would be a second sampler.
  const loaded = loadedLibrary(maps);
  if (loaded === undefined) return undefined;
  const holder: { exports: Partial<Native> } = { exports: {} };
  dlopen.call(process, holder, library ?? loaded);
  return holder.exports.definePool === undefined ? undefined : (holder.exports as Native);
}

const LIBRARY_LINE_END = '/libmemprof.so\n';

/** Where the kernel has it from: right also where the environment says nothing, as in a worker that was given another. */
function loadedLibrary(maps = readMaps()): string | undefined {
  // A regular expression over all of it takes 2 ms in a process that is just starting.
  const end = maps.indexOf(LIBRARY_LINE_END);
  return end < 0
    ? undefined
    : maps
        .slice(maps.lastIndexOf('\n', end) + 1, end + LIBRARY_LINE_END.length)
        .replace(/^[^/]*/, '')
        .trimEnd();
}

function readMaps(): string {
  try {
    return readFileSync('/proc/self/maps', 'latin1');
  } catch {
    return ''; // no /proc in this container
  }
}

export = { loadNative };
