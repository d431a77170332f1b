import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProbe, fixture, type JsFrame, NODE_LINES, nodeBinary, runProbe, scratch } from './helpers/js-probe.ts';
import { runSampled } from './store.ts';

const WASM = 1;
const NO_SOURCE = 2;

const directory = scratch();
let probe = '';
beforeAll(() => {
  probe = buildProbe(directory.path);
});
afterAll(directory.dispose);

describe('the name of every kind of function', () => {
  test.each(NODE_LINES)('Node %i', (line) => {
    const path = fixture('function-kinds.cjs');
    const { stdout, stacks } = runProbe(probe, [nodeBinary(line), path]);
    const { expected } = JSON.parse(stdout) as { expected: Record<string, string> };
    const names = Object.keys(expected).map((mark) => {
      const [allocate, caller] = stacks.get(Number(mark)) ?? [];
      expect(allocate?.name).toBe('allocate');
      return [mark, caller?.name];
    });
    expect(Object.fromEntries(names)).toEqual(expected);
    expect(names.length).toBeGreaterThanOrEqual(31);
  });
});

describe('frames that are not of an ordinary script', () => {
  const path = fixture('special-frames.mjs');
  const stackOf = (stacks: Map<number, JsFrame[]>, mark: number) => (stacks.get(mark) ?? []).slice(1);

  test.each(NODE_LINES)('Node %i', (line) => {
    const { stacks } = runProbe(probe, [nodeBinary(line), path]);
    const text = (frame: JsFrame | undefined) => frame && [frame.name, frame.script, frame.flags];

    // A module's top level, before and after an await; both know where they are.
    for (const mark of [1, 2]) {
      const [top] = stackOf(stacks, mark);
      expect(text(top)).toEqual(['', `file://${path}`, 0]);
      expect(top?.position).toBeGreaterThan(0);
    }
    // WebAssembly called from a module: V8 gives the exported function a frame on 22 and later.
    const wasm = stackOf(stacks, 3).find((frame) => frame.flags === WASM);
    if (line >= 22)
      expect(text(wasm)).toEqual(['wasm-function[1]', expect.stringMatching(/^wasm:\/\/wasm\/[0-9a-f]+$/), WASM]);
    else expect(wasm).toBeUndefined();
    expect(stackOf(stacks, 3).some((frame) => frame.script === `file://${path}`)).toBe(true);
    // A built-in with a JavaScript frame of its own: no script, hence no source.
    const map = stackOf(stacks, 4).find((frame) => frame.name === 'map');
    expect(map).toMatchObject({ script: '', flags: NO_SOURCE, position: -1, start: -1, scriptId: -1 });
    // Two-byte strings, a surrogate pair included.
    expect(text(stackOf(stacks, 5)[0])).toEqual(['', '/tmp/모델-😀.js', 0]);
  });
});

test.each(NODE_LINES)('Node %i: a module from a data: url is named, without its source', (line) => {
  const module = `export function inData(kept) { for (let i = 0; i < 500; i++) kept.push(Buffer.alloc(100003)); }`;
  const code = `import('data:text/javascript,${encodeURIComponent(module)}').then((m) => m.inData([]))`;
  const run = runSampled([nodeBinary(line), '-e', code]);
  expect([run.status, run.stderr]).toEqual([0, '']);
  const functions = run.stores[0]?.functions ?? [];
  expect(functions.filter((f) => f.name === 'inData').map((f) => f.script)).toEqual(['data:']);
  expect(functions.filter((f) => f.script.startsWith('data:') && f.script !== 'data:')).toEqual([]);
});
