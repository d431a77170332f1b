/**
 * The carrier of Node 24 and later: an AsyncLocalStorage like any other. Where they are built on V8's continuation-preserved data
 * (AsyncContextFrame), V8 itself carries it over every await, and the sampler finds the context in there.
 */
import asyncHooks = require('node:async_hooks');

import type { NativeCarrier, StartedCarrier } from './carrier-types.cjs';

const { AsyncLocalStorage } = asyncHooks;
// As Node has them: tracers put their own in place.
const { run, getStore } = AsyncLocalStorage.prototype;

/** An ordinary number that no other storage is likely to hold: by it the layout of a Map is learned. */
const KNOWN = 0x2a5a17;

function start(native: NativeCarrier): StartedCarrier | undefined {
  // Built on async_hooks: storages are kept on resources, and nothing of them is in the slot.
  if ('_enable' in AsyncLocalStorage.prototype) return undefined;
  const storage = new AsyncLocalStorage<number>();
  const runIn = run.bind(storage) as <T>(context: number, fn: () => T) => T;
  const store = getStore.bind(storage) as () => number | undefined;
  if (!runIn(KNOWN, () => native.carrierCped(storage, KNOWN))) return undefined;
  return { source: 'cped', run: runIn, current: () => store() ?? 0 };
}

export = { start };
