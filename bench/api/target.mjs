/**
 * Times the API in one process: `node target.mjs OUT ROUNDS CALLS REQUESTS TURN`. Writes `{ calls: { side: [ns, ...] }, loop: { side: [ms, ...] } }`.
 *
 * A call is timed with many others around it that have warmed the same code up with functions of their own, as in a program: V8 then inlines less
 * than it would for one caller. The loop's sides differ in the API alone.
 */
import { writeFileSync } from 'node:fs';
import { label, pool, stage } from '../../dist/index.js';
import { interleave } from '../lib/rounds.mjs';

const [out, rounds, calls, requests, turn] = process.argv.slice(2);
const kv = pool('kv-cache');
const cache = kv.arena();
const decode = stage('decode');
const labels = { tenant: 'acme' };

let sink = 0;
const work = () => {
  sink = (sink + 1) | 0;
};
const wrapped = cache.wrap(work);

/** Each side has a loop, and with it type feedback, of its own. */
const loopOf = (body) =>
  new Function(
    'work',
    'wrapped',
    'cache',
    'decode',
    'kv',
    'label',
    'labels',
    'n',
    `for (let i = 0; i < n; i++) { ${body} }`,
  );
const BODIES = {
  'the function alone': 'work()',
  'arena.run(fn)': 'cache.run(work)',
  'wrapped fn': 'wrapped()',
  'stage.run(fn)': 'decode.run(work)',
  'label(labels, fn)': 'label(labels, work)',
  'work and pool.hit()': 'work(); kv.hit()',
};

function warmUp() {
  for (let i = 0; i < 20; i++) {
    const other = new Function(
      'kv',
      'decode',
      'label',
      `return (n) => { let s = ${i}; const f = () => { s += ${i}; };
      const a = kv.arena(); const w = a.wrap(f);
      for (let i = 0; i < n; i++) { a.run(f); w(); decode.run(f); label({ tenant: 'x' }, f); } return s; }`,
    );
    other(kv, decode, label)(2000);
  }
}

function nsPerCall(body) {
  const run = loopOf(body);
  run(work, wrapped, cache, decode, kv, label, labels, 20_000);
  return () => {
    const started = process.cpuUsage();
    run(work, wrapped, cache, decode, kv, label, labels, Number(calls));
    const { user, system } = process.cpuUsage(started);
    return ((user + system) * 1000) / Number(calls);
  };
}

/** A token of a small model: a matrix times a vector, and now and then a new block of the cache. */
const SIZE = 256;
const matrix = Float32Array.from({ length: SIZE * SIZE }, (_, i) => Math.sin(i) / SIZE);
const TOKENS = 20;

function multiply(vector) {
  const result = new Float32Array(SIZE);
  for (let row = 0; row < SIZE; row++) {
    let sum = 0;
    for (let column = 0; column < SIZE; column++) sum += matrix[row * SIZE + column] * vector[column];
    result[row] = Math.tanh(sum);
  }
  return result;
}

const plain = {
  inArena: (fn) => fn(),
  inStage: (fn) => fn(),
  labelled: (fn) => fn(),
  hit: () => undefined,
  makeBlock: () => Buffer.allocUnsafeSlow(65_536),
};
const used = {
  inArena: (fn) => cache.run(fn),
  inStage: (fn) => decode.run(fn),
  labelled: (fn) => label(labels, fn),
  hit: () => kv.hit(),
  makeBlock: cache.wrap(() => Buffer.allocUnsafeSlow(65_536)),
};

/** The same text for both sides, compiled twice. */
const requestOf = (api) =>
  new Function(
    'api',
    'multiply',
    'SIZE',
    'TOKENS',
    `return () => {
    const kept = [];
    let vector = new Float32Array(SIZE).fill(1);
    const token = () => { vector = multiply(vector); };
    return api.labelled(() => api.inArena(() => {
      for (let i = 0; i < TOKENS; i++) {
        if (i % 16 === 0) kept.push(api.makeBlock()); else api.hit();
        api.inStage(token);
      }
      return kept.length;
    }));
  }`,
  )(api, multiply, SIZE, TOKENS);

function msOf(request) {
  request();
  return () => {
    const started = process.cpuUsage();
    request();
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1e3;
  };
}

warmUp();
const timed = Object.fromEntries(Object.entries(BODIES).map(([side, body]) => [side, nsPerCall(body)]));
const callRounds = await interleave(timed, { rounds: Number(rounds), warmUp: 3 });
// What V8 compiles first is not always as fast as what it compiles later.
const sides = Number(turn) % 2 === 0 ? { without: plain, with: used } : { with: used, without: plain };
const requestsOf = Object.fromEntries(Object.entries(sides).map(([side, api]) => [side, msOf(requestOf(api))]));
const loopRounds = await interleave(requestsOf, { rounds: Number(requests), warmUp: 10 });
writeFileSync(out, JSON.stringify({ calls: callRounds, loop: loopRounds }));
