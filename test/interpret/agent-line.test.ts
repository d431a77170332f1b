import { expect, test } from 'vitest';
import { parseAgentLine } from '../../src/interpret/agent-line.ts';

const parse = (value: unknown): unknown => parseAgentLine(Buffer.from(JSON.stringify(value)));

const profile = {
  type: 'v8profile',
  timeUnixNs: '1764000000000000000',
  threadId: 0,
  reason: 'exit',
  intervalBytes: 524288,
  collected: true,
  strings: ['', 'main'],
  nodes: [[0, 1, 0, 7, 3, 1, [40, 2]]],
};

test('a hello may lack anything but its type; what is of no use is left out', () => {
  const nothing = { type: 'hello', threadId: 0, tid: 0, node: '', v8: '', execPath: '', v8Sampler: '' };
  expect(parse({ type: 'hello' })).toEqual(nothing);
  expect(parse({ type: 'hello', threadId: -1, tid: 1.5, node: 22, argv: ['secret'] })).toEqual(nothing);
  expect(parse({ ...nothing, tid: 4711, node: '22.1.0' })).toMatchObject({ tid: 4711, node: '22.1.0' });
});

test('lines of a kind that is not known, or that are not whole, are nothing', () => {
  expect(parse({ type: 'warning', code: 'A', message: 'b', more: 1 })).toEqual({
    type: 'warning',
    code: 'A',
    message: 'b',
  });
  expect(parse({ type: 'maps', text: '' })).toEqual({ type: 'maps', text: '' });
  for (const value of [null, 7, 'hello', [], {}, { type: 'later' }, { type: 'warning', code: 'A' }, { type: 'maps' }]) {
    expect(parse(value)).toBeUndefined();
  }
  expect(parseAgentLine(Buffer.from('{"type":"maps","text":"cut o'))).toBeUndefined();
});

test('a V8 profile is whole, or nothing', () => {
  expect(parse(profile)).toEqual(profile);
  expect(parse({ ...profile, collected: 'yes' })).toMatchObject({ collected: false });
  const damages: Record<string, unknown>[] = [
    { timeUnixNs: 1 },
    { timeUnixNs: '-1' },
    { timeUnixNs: '1'.repeat(21) },
    { threadId: -1 },
    { threadId: 0.5 },
    { reason: null },
    { intervalBytes: 0 },
    { intervalBytes: null },
    { strings: ['', 7] },
    { strings: 'main' },
    { nodes: {} },
    { nodes: [[0, 1, 0, 7, 3, 1]] },
    { nodes: [[0, 1, 0, 7, 3, '1', []]] },
    { nodes: [[0, 1, 0, 7, 3, 1, ['40']]] },
    // Found by test/recording/fuzz: their sum was infinite.
    { nodes: [[0, 1, 0, 7, 3, 1, [1e308, 2]]] },
    { intervalBytes: 1e308 },
  ];
  for (const damage of damages) expect(parse({ ...profile, ...damage }), JSON.stringify(damage)).toBeUndefined();
});
