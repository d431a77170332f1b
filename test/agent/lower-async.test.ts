import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type * as lowerFile from '../../src/agent/lower-async.cts';
import { loweredScript } from '../../src/interpret/lowered.ts';
import { PRELOAD } from './run-agent.ts';

const { lowerAsync } = createRequire(import.meta.url)(join(dirname(PRELOAD), 'lower-async.cjs')) as typeof lowerFile;

const lower = (source: string, type: 'module' | 'script' = 'module') => lowerAsync(source, type)?.text;

test('an async function becomes a function that takes a generator through its awaits, on the same lines', () => {
  expect(lower('async function f(a) {\n  return await g(a)\n}\n')).toBe(
    'function $memprof(){return $memprof.it??=globalThis[Symbol.for("memprof.async")]}' +
      '      function f($memprof0){return $memprof().start(this,{*f(a) {\n  return (yield ( g(a)))\n}}.f,arguments)}\n',
  );
});

describe('what stays as it is', () => {
  test.each([
    ['a script without async functions', 'const async = 1;'],
    ['what does not await', 'async function f() { return 1 }'],
    ['an async generator', 'async function* f() { yield await 1 }'],
    ['awaits of the module itself', 'const x = await (async () => 1)();'],
    ['super, which a generator inside has not', 'class A extends B { async m() { await super.m() } }'],
    ['arguments of the function around an arrow', 'function f() { return async () => await arguments[0] }'],
    ['new.target', 'async function f() { await new.target }'],
    ['code that may see any name', 'async function f(a) { await eval("a") }'],
    ['a directive of its own', 'async function f() { "use strict"; await 1 }'],
    ['this before super()', 'class A extends B { constructor() { const f = async () => { await this.x }; super(f) } }'],
    ['a method after a line without a semicolon', 'class A { x = 1\nasync [m]() { await 1 } }'],
    ['a labelled for await', 'async function f() { l: for await (const x of y) continue l }'],
    ['what does not parse', 'async function f() { await 1 '],
    ['TypeScript', 'async function f(a: number) { await a }'],
  ])('%s', (_what, source) => {
    expect(lower(source)).toBeUndefined();
  });

  test('the rest of such a script is lowered', () => {
    expect(lower('async function* f({ a }) { await a }\nasync function h() { await 1 }')).toContain(
      'async function* f({ a }) { await a }\n ',
    );
  });
});

describe('what begins a line', () => {
  test.each([
    [
      'an await does not call the line before it',
      'async function f() { a = b\nawait c }',
      'a = b\nvoid 0,(yield ( c))',
    ],
    [
      'a directive stays the first',
      '"use strict"\nasync () => { await 1 }; (async () => { await 1 })()',
      '"use strict"\n',
    ],
  ])('%s', (_what, source, part) => {
    expect(lower(source, 'script')).toContain(part);
  });
});

test('a hashbang and names that are taken', () => {
  const text = lower('#!/usr/bin/env node\nconst $memprof = 1; async function f() { await $memprof }');
  expect(text).toMatch(/^#!\/usr\/bin\/env node\nfunction \$memprof_\(\)/);
});

test('every place in the rewritten text is traced back to the same letters', () => {
  const source = `const z = 1
async function one(alpha) { const beta = await two(alpha); for await (const {
  gamma } of three(beta)) { delta(gamma); await epsilon }
  return async (eta) => (await eta) + zeta }
const iota = async kappa => await kappa
`;
  const lowered = lowerAsync(source, 'module');
  if (lowered === undefined) throw new Error('not lowered');
  const script = loweredScript({ type: 'lowered', script: '', edits: lowered.edits.flat() });
  for (const word of ['alpha)', 'beta =', 'two(', 'three(', 'delta', 'epsilon', 'zeta', 'iota', 'kappa ']) {
    expect(script.toOriginal(lowered.text.indexOf(word)), word).toBe(source.indexOf(word));
  }
  const starts = (text: string) => [...text.matchAll(/^/gm)].map(({ index }) => index);
  expect(starts(source).map(script.lineStart)).toEqual(starts(lowered.text));
});
