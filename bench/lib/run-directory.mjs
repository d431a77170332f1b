/** The sampler alone, without memprof beside it: a run directory as `memprof run` would make it, and nobody who reads it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTROL, CONTROL_MAGIC, CONTROL_NO_V8, WIRE_VERSION } from '../../dist/recording/wire.js';
import { ROOT } from './process.mjs';

export const SAMPLER = join(ROOT, 'native/build/linux-x64-glibc/libmemprof.so');
const DEFAULTS = { meanBytes: 64 * 1024, v8IntervalBytes: 512 * 1024, maxSamplesPerSecond: 500, seed: 0, v8: true };

/** Calls `run` with an environment in which the sampler works, with memprof's defaults; takes the run directory away at the end. */
export async function withSampler(settings, run) {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'memprof-bench-'));
  writeFileSync(join(directory, 'control'), controlPage({ ...DEFAULTS, ...settings }));
  try {
    return await run({ ...process.env, MEMPROF_RUN_DIR: directory, LD_PRELOAD: SAMPLER }, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function controlPage({ meanBytes, v8IntervalBytes, maxSamplesPerSecond, seed, v8 }) {
  const page = Buffer.alloc(CONTROL.bytes);
  page.writeBigUInt64LE(CONTROL_MAGIC, CONTROL.magic);
  page.writeUInt32LE(WIRE_VERSION, CONTROL.version);
  page.writeUInt32LE(v8 ? 0 : CONTROL_NO_V8, CONTROL.flags);
  page.writeBigUInt64LE(BigInt(meanBytes), CONTROL.meanBytes);
  page.writeBigUInt64LE(BigInt(v8IntervalBytes), CONTROL.v8IntervalBytes);
  page.writeBigUInt64LE(BigInt(maxSamplesPerSecond), CONTROL.maxSamplesPerSecond);
  page.writeBigUInt64LE(BigInt(seed), CONTROL.seed);
  return page;
}
