import { expect, test } from 'vitest';
import { createStackCleaner } from '../../src/interpret/clean-stack.ts';

const API = 'file:///app/node_modules/memprof/dist/api';
const AGENT = '/opt/memprof/dist/agent';

/** What a line of the table stands for. */
const FRAMES: Record<string, { name: string; script: string }> = {
  'PoolArena.run': { name: 'run', script: `${API}/arena.js` },
  stage: { name: 'stage', script: `${API}/stage.js` },
  runIn: { name: 'runIn', script: `${API}/scope.js` },
  'cjs runIn': { name: 'runIn', script: '/app/node_modules/memprof/cjs/api/scope.js' },
  'cjs arena': { name: 'run', script: '/app/node_modules/memprof/cjs/api/arena.js' },
  enter: { name: 'run', script: `${AGENT}/enter.cjs` },
  carrier: { name: 'run', script: `${AGENT}/carrier.cjs` },
  cped: { name: 'run', script: `${AGENT}/carrier-cped.cjs` },
  recheck: { name: 'recheck', script: `${AGENT}/carrier.cjs` },
  start: { name: 'start', script: `${AGENT}/async-steps.cjs` },
  next: { name: 'next', script: '' },
  hook: { name: 'emitOfExit', script: `${AGENT}/pass-through.cjs` },
  'marker 3': { name: '', script: 'memprof-tag:3' },
  'marker 4': { name: '', script: 'memprof-tag:4' },
  'als.run': { name: 'run', script: 'node:internal/async_local_storage/async_context_frame' },
  'als.run of 20': { name: 'AsyncLocalStorage.run', script: 'node:async_hooks' },
  emitInitNative: { name: 'emitInitNative', script: 'node:internal/async_hooks' },
  a: { name: 'a', script: '/app/a.js' },
  b: { name: 'b', script: 'file:///app/b.mjs' },
  'own pool': { name: 'run', script: 'file:///app/dist/api/pool.js' },
  native: { name: '', script: '' },
};

function clean(path: string): { path: string; tag: number | undefined } {
  const names = path.split(' > ').reverse();
  const frames = names.map((shown) => ({ shown, ...(FRAMES[shown] ?? { name: 'missing', script: 'missing' }) }));
  const { frames: kept, tag } = createStackCleaner().clean(frames);
  const shown = kept.map((frame) => frame.shown).reverse();
  return { path: shown.join(' > '), tag };
}

test.each([
  ['a > b', 'a > b', undefined],
  ['a > PoolArena.run > runIn > enter > marker 3 > carrier > als.run > b', 'a > b', 3],
  ['a > PoolArena.run > runIn > enter > marker 3 > carrier > als.run of 20 > b > native', 'a > b > native', 3],
  ['a > cjs arena > cjs runIn > enter > marker 3 > enter > b', 'a > b', 3],
  [
    'a > runIn > enter > marker 3 > carrier > b > stage > runIn > runIn > enter > marker 4 > carrier > a',
    'a > b > a',
    4,
  ],
  ['a > runIn > enter > marker 3 > carrier > runIn > enter > marker 4 > carrier > b', 'a > b', 4],
  ['a > hook > b', 'a > b', undefined],
  // An async function with --async-labels, called and after an await.
  ['a > b > start > enter > marker 3 > start > next > b > native', 'a > b > native', 3],
  ['native > start > enter > marker 3 > start > next > b > a', 'native > b > a', 3],
  ['b > a > start > next > a > a > start > next > a', 'b > a > a', undefined],
  ['a > next > b', 'a > next > b', undefined],
  ['a > runIn > enter > marker 3 > carrier > cped > als.run > b', 'a > b', 3],
  // What the agent allocates itself must be known as its own.
  ['a > runIn > enter > marker 3 > carrier > recheck', 'a > recheck', 3],
  // AsyncLocalStorage of the program's own, inside and outside.
  ['a > als.run > b > runIn > enter > marker 3 > carrier > b', 'a > als.run > b > b', 3],
  ['runIn > enter > marker 3 > carrier > als.run > als.run > b', 'als.run > b', 3],
  ['runIn > enter > marker 3 > carrier > emitInitNative', 'emitInitNative', 3],
  // The API without the agent, and a program whose files have the same names.
  ['a > PoolArena.run > runIn > b', 'a > PoolArena.run > runIn > b', undefined],
  ['own pool > runIn > enter > marker 3 > carrier > b', 'own pool > b', 3],
])('%s', (path, cleaned, tag) => {
  expect(clean(path)).toEqual({ path: cleaned, tag });
});
