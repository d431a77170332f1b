/** Has the native sampler watch the collections of this thread's isolate (native/src/collections.c). No JavaScript runs for one. */
import v8 = require('node:v8');
import threads = require('node:worker_threads');
import nativeFile = require('./native.cjs');

import type { Collections } from './types.cjs';

/**
 * Neither: there is no native sampler, since nobody wants one or it is off here. `reason`: why nothing is watched though there is.
 * @param maps lines of `/proc/self/maps`, those of libraries at least.
 */
function watchCollections(maps: string): { collections?: Collections; reason?: string } {
  try {
    const native = nativeFile.loadNative(maps);
    if (native === undefined) return {};
    const isOn = native.watchCollections(threads.threadId, v8.getHeapStatistics().heap_size_limit);
    if (!isOn) return { reason: 'this Node has no place to watch them from' };
    const asOwn = <T,>(work: () => T): T => {
      native.ownCollections(1);
      try {
        return work();
      } finally {
        native.ownCollections(0);
      }
    };
    return { collections: { asOwn, recordHeapSize: native.recordHeapSize } };
  } catch (cause) {
    // The permission model, --no-addons.
    return { reason: cause instanceof Error ? cause.message : String(cause) };
  }
}

export = { watchCollections };
