/**
 * Finds and loads the native part of @datadog/pprof without its JavaScript: the index loads a dozen modules and on Node 24
 * prints DEP0144 into the program's stderr.
 */
import fs = require('node:fs');
import path = require('node:path');

import type { Binding, HeapProfiler } from './types.cjs';

const { existsSync, realpathSync } = fs;
/** As the program finds it: programs may wrap it, and so do we. */
const dlopen = process.dlopen;

/**
 * The prebuilt binary for this process, in the installation that this file belongs to: `node_modules/@datadog/pprof` beside
 * or above it. The file names are those that prebuildify gives.
 */
function findBinding(libc: string): string | undefined {
  const flavor = libc === 'musl' ? 'dd_pprof.musl.node' : 'dd_pprof.node';
  const file = `${flavor}.abi${process.versions.modules}.node`;
  const inPackage = `node_modules/@datadog/pprof/prebuilds/${process.platform}-${process.arch}/${file}`;
  for (let folder = path.resolve(__dirname, '../..'); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, inPackage);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** @throws what dlopen says: permission model, wrong C library. */
function loadBinding(file: string): Binding {
  const holder: { exports: { heapProfiler?: HeapProfiler } } = { exports: {} };
  dlopen.call(process, holder, file);
  const { heapProfiler } = holder.exports;
  if (heapProfiler === undefined) throw new Error(`${path.basename(file)} has no heap profiler`);
  return { file: realpathSync(file), exports: holder.exports, heapProfiler };
}

export = { findBinding, loadBinding };
