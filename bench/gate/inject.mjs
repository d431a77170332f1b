/**
 * Loaded before a program of bench/gate.mjs: a cache of 32 MiB in an arena of its own, and what a regression would add, as GATE_EFFECT says.
 *
 *     grow=0.05   the cache is 5 % larger
 *     leak=65536  each HTTP request leaves a Buffer of so many bytes behind
 *     start=1048576  a Buffer of so many bytes at the start, in no arena
 */
import { subscribe } from 'node:diagnostics_channel';
import { pool } from '../../dist/index.js';

const [effect = '', size = '0'] = (process.env.GATE_EFFECT ?? '').split('=');
const BLOCK_BYTES = 32_771;
const BLOCKS = 1024;

// On the global object: what only a module holds is garbage once the module has run.
globalThis.benchKept = [];
const kept = globalThis.benchKept;

function fillCache(blocks) {
  for (let i = 0; i < blocks; i++) kept.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
}

function keepRequest() {
  kept.push(Buffer.allocUnsafeSlow(Number(size)));
}

function loadAtStart() {
  kept.push(Buffer.allocUnsafeSlow(Number(size)));
}

// The driver of the server is started in the same way, and has no cache.
if (!process.argv[1]?.endsWith('drive.mjs')) {
  const cache = pool('bench-cache').arena();
  cache.run(() => fillCache(Math.round(BLOCKS * (effect === 'grow' ? 1 + Number(size) : 1))));
  if (effect === 'leak') subscribe('http.server.request.start', () => keepRequest());
  if (effect === 'start') loadAtStart();
}
