import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { symbolizeJavaScript } from '../../src/interpret/symbolize/javascript.ts';
import { nodeSources } from '../../src/interpret/symbolize/node-sources.ts';
import { readSource } from '../../src/interpret/symbolize/source.ts';
import { findFunctions } from '../../src/interpret/symbolize/source-functions.ts';
import { createTables } from '../../src/interpret/tables.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('js');
const nodes = fileURLToPath(new URL('../../fixtures/nodes/node_modules', import.meta.url));
const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));

/** Each function allocates, so that V8's sampler shows it with the place where V8 says that it starts. */
const PROGRAM = `import { EventEmitter } from 'node:events';
const keep = [];
const use = (n) => { for (let i = 0; i < n; i++) keep.push(new Array(1000).fill(i)); };
class KvCache {
  static make() { use(9); return new KvCache(); }
  constructor() { use(9); }
  append() { this.#grow(); use(9); }
  #grow() { use(9); }
  get size() { use(9); return 1; }
  set size(n) { use(9); }
  async load() { await null; use(9); }
  *rows() { use(9); yield 1; }
  decode = () => { use(9); };
}
const Pool = class { take() { use(9); } };
const engine = { step() { use(9); }, 'two-words': function () { use(9); }, stop: () => use(9) };
function outer() { (() => { use(9); })(); }
export default function () { use(9); }
const cache = KvCache.make();
cache.append(); cache.size; cache.size = 1; await cache.load(); [...cache.rows()]; cache.decode();
new Pool().take(); engine.step(); engine['two-words'](); engine.stop(); outer();
const server = new EventEmitter();
server.on('token', function () { use(9); });
server.emit('token');
[1].forEach((x) => { use(9); });
await Promise.resolve(1).then((x) => { use(9); });
use(9);
`;

const EXPECTED = [
  'KvCache.make',
  'new KvCache',
  'KvCache.append',
  'KvCache.#grow',
  'KvCache.get size',
  'KvCache.set size',
  'KvCache.load',
  'KvCache.rows',
  'KvCache.decode',
  'Pool.take',
  'engine.step',
  'engine.two-words',
  'engine.stop',
  'outer',
  'outer (anonymous)',
  'server.on callback',
  'forEach callback',
  'then callback',
  'use',
  '(top level)',
];

const SAMPLER = `
import { Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';
const session = new Session();
session.connect();
session.post('HeapProfiler.startSampling', { samplingInterval: 64 });
await import(pathToFileURL(process.argv[2]).href);
session.post('HeapProfiler.stopSampling', (error, { profile }) => {
  const frames = [];
  const visit = (node) => { frames.push(node.callFrame); node.children.forEach(visit); };
  visit(profile.head);
  console.log(JSON.stringify(frames));
});
`;

test.each([20, 22, 24, 26])('names on Node %i, at the places where V8 itself says that functions start', (version) => {
  const program = join(root, 'program.mjs');
  const sampler = join(root, 'sampler.mjs');
  writeFileSync(program, PROGRAM);
  writeFileSync(sampler, SAMPLER);
  const node = join(nodes, `node-${version}/bin/node`);
  const frames: { functionName: string; url: string; lineNumber: number; columnNumber: number }[] = JSON.parse(
    execFileSync(node, [sampler, program], { encoding: 'utf8', maxBuffer: 1 << 26 }),
  );
  const ours = frames
    .filter((frame) => frame.url.endsWith('program.mjs'))
    .map((frame) => ({
      name: frame.functionName,
      script: frame.url,
      line: frame.lineNumber + 1,
      column: frame.columnNumber + 1,
    }));
  const access = {
    nodeSources: () => undefined,
    lowered: new Map(),
    readSource: (path: string) => readSource(path, Number.POSITIVE_INFINITY),
  };
  const { v8Functions, scripts } = symbolizeJavaScript([], createTables(), ours, access);
  const names = new Set(v8Functions?.map((entry) => entry[4]));
  expect(scripts).toEqual([]);
  // Whatever is shown must be true; an initializer is V8's own invention.
  for (const name of names)
    expect([
      ...EXPECTED,
      'default',
      'KvCache.<instance_members_initializer>',
      '<instance_members_initializer>',
    ]).toContain(name);
  for (const name of EXPECTED) expect([...names]).toContain(name);
});

test('names by the way a function is written', () => {
  const names = (text: string): string[] | undefined => findFunctions(text)?.map((fn) => fn.qualifiedName);
  expect(names('exports.run = function () {}; a.b.c = () => 1;')).toEqual(['exports.run', 'a.b.c']);
  expect(names('new Promise((resolve) => {}); fetch(x).then((r) => r); list?.map((x) => x);')).toEqual([
    'new Promise callback',
    'then callback',
    'list.map callback',
  ]);
  expect(names('class { a() {} [b]() {} static #c() {} }')).toBeUndefined();
  expect(names('export default class { a() {} [b()]() {} }')).toEqual(['a', '(anonymous)']);
  expect(names('return; function late() {}')).toEqual(['late']);
  expect(names('with (a) { function old() {} }')).toEqual(['old']);
  expect(names('#!/usr/bin/env node\nfunction f(cb = () => {}) {}')).toEqual(['f', 'cb']);
  expect(names('const x: number = 1;')).toBeUndefined();
  expect(names(`f(${'['.repeat(20_000)}`)).toBeUndefined();
});

test('lines end as ECMAScript says, and a byte order mark does not count', () => {
  const path = join(root, 'lines.js');
  const text = 'a\r\nb\nc\u2028d\re';
  writeFileSync(path, `\uFEFF${text}`);
  const source = readSource(path, Number.POSITIVE_INFINITY);
  const lines = [...'abcde'].map((letter) => source?.placeOf(text.indexOf(letter)));
  expect(lines.map((place) => [place?.line, place?.column])).toEqual([1, 2, 3, 4, 5].map((line) => [line, 1]));
  expect(source?.positionOf(3, 1)).toBe(text.indexOf('c'));
  expect(source?.positionOf(9, 1)).toBe(-1);
});

test('a source that changed after the program started is not used', () => {
  const path = join(root, 'changed.js');
  writeFileSync(path, 'f()');
  utimesSync(path, 2000, 2000);
  expect(readSource(path, 1_999_000)).toBeUndefined();
  expect(readSource(path, 2_001_000)).toBeDefined();
  expect(readSource('/proc/self', 2 ** 50)).toBeUndefined();
  expect(readSource('relative.js', 2 ** 50)).toBeUndefined();
});

const TYPESCRIPT = `interface Row { readonly key: string }

export class Store {
  private rows: Row[] = [];

  append(row: Row): number {
    return this.rows.push(row);
  }
}
`;

test.each([['--sourceMap'], ['--inlineSourceMap']])('TypeScript lines come from the source map: tsc %s', (flag) => {
  const folder = join(root, flag.slice(2));
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'src/store.ts'), TYPESCRIPT);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  const options = [
    flag,
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    '',
    '--rootDir',
    'src',
    '--outDir',
    'out',
  ];
  execFileSync(tsc, [...options, 'src/store.ts'], { cwd: folder });
  const output = join(folder, 'out/store.js');
  const source = readSource(output, Number.POSITIVE_INFINITY);
  const fn = source?.functions()?.find((candidate) => candidate.key === 'append');
  expect(fn?.qualifiedName).toBe('Store.append');
  expect(source?.placeOf(fn?.start ?? 0)).toMatchObject({ file: join(folder, 'src/store.ts'), line: 6 });
});

test('a damaged source map does no harm', () => {
  const path = join(root, 'damaged.js');
  writeFileSync(path, 'f();\n//# sourceMappingURL=data:application/json;base64,e30=\n');
  expect(readSource(path, 2 ** 50)?.placeOf(0)).toEqual({ file: path, line: 1, column: 1 });
  const lying = JSON.stringify({ version: 3, sources: [], names: [], mappings: 'AEAA' });
  writeFileSync(path, `f();\n//# sourceMappingURL=data:application/json,${encodeURIComponent(lying)}\n`);
  expect(readSource(path, 2 ** 50)?.placeOf(0)).toEqual({ file: path, line: 1, column: 1 });
  writeFileSync(path, 'f();\n//# sourceMappingURL=nowhere.js.map\n');
  expect(readSource(path, 2 ** 50)?.placeOf(2)).toEqual({ file: path, line: 1, column: 3 });
});

test("Node's own scripts come from the Node that ran the program; a recording alone starts nothing", () => {
  const here = nodeSources({ version: process.version, execPath: '/nowhere' }, false);
  expect(here('node:fs')?.length).toBeGreaterThan(10_000);
  expect(here('node:no/such')).toBeUndefined();
  const execPath = join(nodes, 'node-26/bin/node');
  const version = execFileSync(execPath, ['--version'], { encoding: 'utf8' }).trim();
  expect(nodeSources({ version, execPath }, false)('node:fs')).toBeUndefined();
  expect(nodeSources({ version, execPath }, true)('node:fs')?.length).toBeGreaterThan(10_000);
  expect(nodeSources({ version: 'v1.0.0', execPath: '/nowhere/node' }, true)('node:fs')).toBeUndefined();
});
