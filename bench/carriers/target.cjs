/**
 * `target.cjs AGENT LIBRARY MODE CALLS REQUESTS [--storage]`: prints { source, run, await, read, requests, sum } of a carrier (MODE is
 * `carrier`), of none (`none`) or of an AsyncLocalStorage in its place (`storage`). Nanoseconds of CPU time, but for `requests`, which is milliseconds
 * for all of them. With --storage the program has an AsyncLocalStorage of its own.
 */
const { createHash } = require('node:crypto');

const [, , agent, library, mode, calls, requestCount, ...flags] = process.argv;
const CALLS = Number(calls);
const REQUESTS = Number(requestCount);
const REPETITIONS = 3;
const CONTEXT = 7;

if (flags.includes('--storage')) {
  const { AsyncLocalStorage } = require('node:async_hooks');
  globalThis.ofTheProgram = new AsyncLocalStorage();
  globalThis.ofTheProgram.enterWith({});
}

function open() {
  const holder = { exports: {} };
  process.dlopen(holder, library);
  const native = holder.exports;
  const none = { source: 'none', run: (_context, fn) => fn() };
  if (mode === 'none') return { native, ...none };
  if (mode === 'storage') {
    const { AsyncLocalStorage } = require('node:async_hooks');
    const storage = new AsyncLocalStorage();
    return { native, source: 'storage', run: (context, fn) => storage.run(context, fn) };
  }
  const carrier = require(`${agent}/carrier.cjs`).startCarrier(native);
  return { native, run: carrier.run, source: carrier.source };
}

const { native, run, source } = open();
/** CPU time of the process in nanoseconds: what else runs on the machine does not count. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
let sum = 0;

function perCall(count, fn) {
  const started = now();
  for (let i = 0; i < count; i++) fn();
  return (now() - started) / count;
}

async function awaits() {
  const callee = async () => {
    sum++;
  };
  const started = now();
  for (let i = 0; i < CALLS; i++) await callee();
  return (now() - started) / CALLS;
}

const body = 'a request of some length, to be hashed '.repeat(800);

async function request() {
  const parts = [];
  for (let i = 0; i < 4; i++) {
    parts.push(
      createHash('sha256')
        .update(body.slice(0, body.length - i))
        .digest(),
    );
    await null;
  }
  sum += Buffer.concat(parts).length;
}

async function requests() {
  const started = now();
  for (let i = 0; i < REQUESTS; i++) {
    await run(CONTEXT, request);
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return (now() - started) / 1e6;
}

async function least(measure) {
  let best = Infinity;
  for (let i = 0; i < REPETITIONS; i++) best = Math.min(best, await measure());
  return best;
}

async function main() {
  const noop = () => {
    sum++;
  };
  const result = {
    source,
    run: await least(() => perCall(CALLS, () => run(CONTEXT, noop))),
    await: await run(CONTEXT, () => least(awaits)),
    read: await run(CONTEXT, () => least(() => perCall(CALLS, () => native.carrierCurrent()))),
    requests: await least(requests),
  };
  process.stdout.write(JSON.stringify({ ...result, sum }));
}
void main();
