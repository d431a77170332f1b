/** Tells the native sampler of this process that teardown begins: `frozen_at_ns` in native/src/wire.h. */
import fs = require('node:fs');

const FROZEN_AT_NS = 72;

const { openSync, existsSync, readdirSync, writeSync, readSync } = fs;
const monotonicNs = process.hrtime.bigint;

/** How long the end of the process waits for memprof to read its memory, at most. */
const READ_WAIT_NS = 20_000_000n;
const READ_STEP_MS = 0.5;

interface Store {
  readonly fd: number;
  readonly path: string;
}

/**
 * Opens the newest store of this process for writing, or undefined if the native sampler is not here (yet). Those of programs that the
 * process was before (`env node`, `sh -c 'exec node'`) may be gone already: memprof takes a store away when its program has ended.
 */
function openNewestStore(runDirectory: string): Store | undefined {
  const isOwn = new RegExp(`^${process.pid}\\.(\\d+)\\.store$`);
  try {
    const numbers = readdirSync(runDirectory).flatMap((name) => isOwn.exec(name)?.[1] ?? []);
    if (numbers.length === 0) return undefined;
    const path = `${runDirectory}/${process.pid}.${Math.max(...numbers.map(Number))}.store`;
    return { fd: openSync(path, 'r+'), path };
  } catch {
    return undefined; // ENOENT: memprof has ended. EACCES: not ours to stop.
  }
}

/**
 * From here on the sampler records neither allocations nor frees. The first announcement of the process's end counts; memprof sees
 * that something was written to the store, reads the memory of this process from outside, and says so by a file beside it.
 */
function freeze({ fd, path }: Store): void {
  const word = Buffer.alloc(8);
  readSync(fd, word, 0, 8, FROZEN_AT_NS);
  if (word.readBigUInt64LE() !== 0n) return;
  word.writeBigUInt64LE(monotonicNs());
  writeSync(fd, word, 0, 8, FROZEN_AT_NS);
  const deadline = monotonicNs() + READ_WAIT_NS;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (monotonicNs() < deadline && !existsSync(`${path}.read`)) Atomics.wait(never, 0, 0, READ_STEP_MS);
}

export = { FROZEN_AT_NS, freeze, openNewestStore };
