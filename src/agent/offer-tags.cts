/**
 * `globalThis[Symbol.for('memprof.agent')]`, where copies of the package look for the profiler. What is behind it is loaded when the first
 * one looks: programs that name no memory, such as npm, pay nothing for it.
 */
import nativeFile = require('./native.cjs');

import type { LineFile, Requests } from './types.cjs';

type Tags = ReturnType<typeof import('./tags.cjs')['createTags']>;

const KEY = Symbol.for('memprof.agent');

/**
 * @param hasV8Samples whether there are stacks of V8's sampler for markers to be in.
 * @return what has been loaded so far.
 */
function offerTags(lines: LineFile, requests: Requests, hasV8Samples: boolean): () => Tags | undefined {
  let isLoaded = false;
  let tags: Tags | undefined;
  Object.defineProperty(globalThis, KEY, {
    get() {
      if (!isLoaded) tags = load(lines, requests, hasV8Samples);
      isLoaded = true;
      return tags;
    },
  });
  return () => tags;
}

function load(lines: LineFile, requests: Requests, hasV8Samples: boolean): Tags | undefined {
  try {
    const tagsFile: typeof import('./tags.cjs') = require('./tags.cjs');
    const carrierFile: typeof import('./carrier.cjs') = require('./carrier.cjs');
    const native = openNative();
    const tags = tagsFile.createTags({
      lines,
      requests,
      table: native,
      leafWord: native?.leafWord(),
      startCarrier: native?.carrierCurrent === undefined ? undefined : () => carrierFile.startCarrier(native),
      withMarkers: hasV8Samples,
    });
    // As in preload.cts: programs that look into require.cache should find their own modules only.
    for (const path of Object.keys(require.cache)) if (path.startsWith(__dirname)) delete require.cache[path];
    return Object.freeze(tags);
  } catch (cause) {
    // After setuid(2) or chroot(2) our files may be closed: the API passes through.
    const message = `the program's arenas are not recorded: ${cause instanceof Error ? cause.message : String(cause)}`;
    lines.write('warning', { code: 'TAGS_OFF', message });
    return undefined;
  }
}

/** Undefined: the tags name V8's samples only. */
function openNative(): ReturnType<typeof nativeFile.loadNative> {
  try {
    return nativeFile.loadNative();
  } catch {
    return undefined; // the permission model, --no-addons
  }
}

export = { offerTags };
