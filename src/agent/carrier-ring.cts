/**
 * The carrier of Node 20, and of Node 22 when the program uses async hooks or AsyncLocalStorage: the context of each asynchronous id in a
 * table, and the current id in a field of Node's own. Only an init hook is needed, so an await costs what AsyncLocalStorage costs there.
 *
 * The tables are rings: what waits while 2^20 more resources with a context are made is forgotten, never taken for another's. So that a
 * timer does not have to compete with every promise, resources that live long have a ring of their own.
 */
import hooksFile = require('./carrier-hooks.cjs');

import type { NativeCarrier, StartedCarrier } from './carrier-types.cjs';

/** An entry is drawn in native/src/carrier.h. */
const RING_BITS = 20;
const RING_ENTRIES = 2 ** RING_BITS;
const RING_MASK = RING_ENTRIES - 1;
const WRITTEN = 0x4000;
const CONTEXT_BITS = 16;
const CONTEXT_MASK = 2 ** CONTEXT_BITS - 1;

function start(native: NativeCarrier): StartedCarrier | undefined {
  const hooks = hooksFile.openHooks();
  if (hooks === undefined) return undefined;
  const { asyncIds, asyncIdIndex } = hooks;
  const shortLived = new Int32Array(RING_ENTRIES);
  const others = new Int32Array(RING_ENTRIES);
  if (!native.carrierRing(asyncIds.subarray(asyncIdIndex), shortLived, others)) return undefined;

  function contextOf(id: number): number {
    const index = id & RING_MASK;
    const written = WRITTEN | (id >>> RING_BITS);
    const entry = shortLived[index] as number;
    if (entry >>> CONTEXT_BITS === written) return entry & CONTEXT_MASK;
    const other = others[index] as number;
    return other >>> CONTEXT_BITS === written ? other & CONTEXT_MASK : 0;
  }

  function init(id: number, type: string): void {
    const context = contextOf(asyncIds[asyncIdIndex] as number);
    if (context === 0) return;
    const ring = type === 'PROMISE' || type === 'TickObject' ? shortLived : others;
    ring[id & RING_MASK] = ((WRITTEN | (id >>> RING_BITS)) << CONTEXT_BITS) | context;
  }

  const hook = hooksFile.createHook({ init }).enable();

  return {
    source: 'ring',
    current: () => contextOf(asyncIds[asyncIdIndex] as number),
    run(context, fn) {
      const id = asyncIds[asyncIdIndex] as number;
      const index = id & RING_MASK;
      const outer = shortLived[index] as number;
      shortLived[index] = ((WRITTEN | (id >>> RING_BITS)) << CONTEXT_BITS) | context;
      try {
        return fn();
      } finally {
        shortLived[index] = outer;
      }
    },
    stop: () => void hook.disable(),
  };
}

export = { start };
