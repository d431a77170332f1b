/** Tells the native sampler of this process that teardown begins: `frozen_at_ns` in native/src/wire.h. */
import fs = require('node:fs');

const FROZEN_AT_NS = 72;

const { openSync, closeSync, writeSync, readSync } = fs;
const monotonicNs = process.hrtime.bigint;

/** Opens the newest store of this process for writing, or undefined if the native sampler is not here (yet). */
function openNewestStore(runDirectory: string): number | undefined {
  let newest: number | undefined;
  for (let n = 0; ; n++) {
    try {
      const fd = openSync(`${runDirectory}/${process.pid}.${n}.store`, 'r+');
      if (newest !== undefined) closeSync(newest);
      newest = fd;
    } catch {
      return newest; // ENOENT: the one before was the newest. EACCES: not ours to stop.
    }
  }
}

/** From here on the sampler records neither allocations nor frees. The first announcement of the process's end counts. */
function freeze(store: number): void {
  const word = Buffer.alloc(8);
  readSync(store, word, 0, 8, FROZEN_AT_NS);
  if (word.readBigUInt64LE() !== 0n) return;
  word.writeBigUInt64LE(monotonicNs());
  writeSync(store, word, 0, 8, FROZEN_AT_NS);
}

export = { FROZEN_AT_NS, freeze, openNewestStore };
