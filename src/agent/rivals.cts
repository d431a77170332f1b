/**
 * Other users of V8's sampler: the program's own heap profiles. Each way to start one that JavaScript can see is wrapped so that
 * ours ends first; then the program's works as if we were not here.
 */
import fs = require('node:fs');
import inspector = require('node:inspector');
import path = require('node:path');
import v8 = require('node:v8');
import threads = require('node:worker_threads');
import passThrough = require('./pass-through.cjs');

import type { V8Sampler } from './types.cjs';

import workers = require('./workers.cjs');

/** Stopping or reading a profile that nobody of the program's started would stop and read ours. */
const INSPECTOR_METHODS = new Set([
  'HeapProfiler.startSampling',
  'HeapProfiler.stopSampling',
  'HeapProfiler.getSamplingProfile',
]);

const { realpathSync } = fs;

function watchRivals(sampler: V8Sampler): void {
  passThrough.callBefore(inspector.Session.prototype, 'post', ([method]) => {
    if (INSPECTOR_METHODS.has(String(method))) sampler.standDown('an inspector session');
  });
  passThrough.callBefore(v8, 'startHeapProfile', () => sampler.standDown('v8.startHeapProfile()'));
  passThrough.callUnless(process, 'dlopen', ([module, file]) => handOut(module, file, sampler));
  passThrough.callAfter(process, 'dlopen', ([module]) => watchAddon(module, sampler));
  passThrough.callLater(threads.Worker.prototype, 'startHeapProfile', (worker) =>
    workers.askToStandDown((worker as threads.Worker).threadId),
  );
}

/**
 * The program loads the very file that we have loaded: a second load into one thread fails an assertion in Node, so it gets the
 * exports that are there. True if so.
 */
function handOut(module: unknown, file: unknown, sampler: V8Sampler): boolean {
  const { binding } = sampler;
  if (typeof file !== 'string' || path.basename(file) !== path.basename(binding.file)) return false;
  if (realpathSync(file) !== binding.file) return false;
  (module as { exports: object }).exports = binding.exports;
  return true;
}

/** @datadog/pprof, and what is built on it or like it, brings its own way to V8's sampler. */
function watchAddon(module: unknown, sampler: V8Sampler): void {
  const addon = (module as { exports?: { heapProfiler?: object } } | undefined)?.exports?.heapProfiler;
  if (typeof addon !== 'object' || addon === null) return;
  passThrough.callBefore(addon, 'startSamplingHeapProfiler', () =>
    sampler.standDown('an addon (@datadog/pprof or the like)'),
  );
}

export = { watchRivals };
