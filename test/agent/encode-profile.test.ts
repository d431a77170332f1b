import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { PRELOAD } from './run-agent.ts';

interface Node {
  name: string;
  scriptName: string;
  scriptId: number;
  lineNumber: number;
  columnNumber: number;
  children: Node[];
  allocations: { sizeBytes: number; count: number }[];
}
interface Encoded {
  strings: string[];
  nodes: [number, number, number, number, number, number, number[]][];
  keptAboveBytes: number;
  prunedBytes: number;
}
const folder = dirname(PRELOAD);
const { encodeProfile } = createRequire(import.meta.url)(join(folder, 'encode-profile.cjs')) as {
  encodeProfile(root: Node, earlier?: Node, maxNodes?: number): Encoded;
};

function node(name: string, scriptName: string, bytes: number, children: Node[] = []): Node {
  const allocations = bytes > 0 ? [{ sizeBytes: bytes, count: 1 }] : [];
  return { name, scriptName, scriptId: 7, lineNumber: 3, columnNumber: 5, children, allocations };
}
const bytesOf = ({ nodes }: Encoded): number => nodes.reduce((sum, entry) => sum + (entry[6][0] ?? 0), 0);
const namesOf = ({ nodes, strings }: Encoded): (string | undefined)[] => nodes.map((entry) => strings[entry[1]]).sort();

test('own code goes with all that it calls; a hook gives its children to its caller', () => {
  const hook = node('emitOfExit', join(folder, 'pass-through.cjs'), 11, [node('theirs', '/app/a.js', 13)]);
  const own = node('writeProfile', join(folder, 'v8-sampler.cjs'), 17, [node('writeSync', 'node:fs', 19)]);
  const encoded = encodeProfile(node('(root)', '', 0, [hook, own, node('(external)', '', 23)]));
  expect(namesOf(encoded)).toEqual(['(external)', '(root)', 'theirs']);
  expect(encoded.nodes.every((entry) => entry[0] <= 0)).toBe(true);
  expect(bytesOf(encoded)).toBe(13 + 23);
});

test('the source text that a data: URL consists of is not recorded', () => {
  const secret = node('f', 'data:text/javascript,export const key = 4711', 13);
  const encoded = encodeProfile(node('(root)', '', 0, [secret]));
  expect(encoded.strings).toContain('data:');
  expect(JSON.stringify(encoded)).not.toContain('4711');
});

test('a script that was collected keeps its name from the profile before', () => {
  const before = node('(root)', '', 0, [
    node('gone', '/app/a.js', 5),
    node('f', '/app/a.js', 7),
    node('f', '/app/b.js', 9),
  ]);
  const lost = { ...node('f', '', 7), lineNumber: 0, columnNumber: 0 };
  const { strings, nodes } = encodeProfile(node('(root)', '', 0, [lost]), before);
  expect(nodes.slice(1).map((entry) => [strings[entry[1]], strings[entry[2]], entry[4], entry[5]])).toEqual([
    ['f', '/app/a.js', 3, 5],
  ]);
});

test('a tree that is too large loses its smallest subtrees and says how much that was', () => {
  const leaves = Array.from({ length: 997 }, (_, i) => node(`f${i}`, '/app/a.js', i + 1));
  const encoded = encodeProfile(node('(root)', '', 0, leaves), undefined, 101);
  expect(encoded.nodes.length).toBe(101);
  expect(bytesOf(encoded) + encoded.prunedBytes).toBe((997 * 998) / 2);
  expect(encoded.keptAboveBytes).toBe(897);
});
