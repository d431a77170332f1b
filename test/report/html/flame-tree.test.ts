import { expect, it } from 'vitest';
import { summarize } from '../../../src/analyze/summary.ts';
import { pageData } from '../../../src/report/html/index.ts';
import { type FlameNode, flameTree } from '../../../src/report/html/page/flame-tree.ts';
import { inferenceProfile, js, makeProfile, poolProfile, type TestSample } from '../../helpers/profiles.ts';

const MIB = 1_048_576;

function treeOf(profile: ReturnType<typeof poolProfile>, by: 'function' | 'arena', hidesEngine = false) {
  const { flame } = pageData(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }) });
  return flameTree(flame, { by, column: 'inuseBytes', hidesEngine });
}

/** `name bytes` of all rows, the biggest first, with what is below in brackets. */
const text = ({ name, value, children }: FlameNode): string =>
  `${name} ${Math.round(value / MIB)}${children.length > 0 ? `(${children.map(text).join(' ')})` : ''}`;

it('adds up call paths by function, whatever arena they are in', () => {
  expect(text(treeOf(poolProfile(), 'function').root)).toBe(
    'all 1478(serve 1478(Decoder.decode 700(KvCache.append 700(ggml_aligned_malloc 700)) ' +
      'loadWeights 600(llama_model_load 600) prefill 160(Tensor.alloc 160) tokenize 18(BPE.merge 18)))',
  );
});

it('makes one row of a function whose calls are on several lines, without a line of its own', () => {
  const sample = (line: number, bytes: number): TestSample => ({
    stack: [js('serve', '/a.js', line), js('fill', '/a.js', 9)],
    values: [1, bytes, 1, bytes],
  });
  const { root } = treeOf(makeProfile([sample(3, MIB), sample(4, 2 * MIB), sample(4, 4 * MIB)]), 'function');
  expect(text(root)).toBe('all 7(serve 7(fill 7))');
  expect(root.children[0]?.frame?.line).toBe(0);
  expect(root.children[0]?.children[0]?.frame?.line).toBe(9);
});

it('keeps arenas apart below their pool', () => {
  const { children } = treeOf(poolProfile(), 'arena').root;
  expect(children.map(({ name, value }) => `${name} ${value / MIB}`)).toEqual([
    'kv-cache 700',
    'weights 600',
    'tensor-pool 160',
    'v8 18',
  ]);
  expect(children[0]?.children.map(({ name }) => name)).toEqual([
    'kv-cache#0',
    'kv-cache#1',
    'kv-cache#2',
    'kv-cache#3',
  ]);
});

it("leaves out V8 and Node's C++ between frames of JavaScript and what they called", () => {
  expect(text(treeOf(inferenceProfile(), 'function').root)).toContain('v8::ArrayBuffer::New');
  expect(text(treeOf(inferenceProfile(), 'function', true).root)).toContain('tokenize 2(Buffer.alloc 2(calloc 2))');
});

it('drops the smallest rows of a graph that is too large, and no byte of the others', () => {
  const samples = Array.from({ length: 70_000 }, (_, at): TestSample => {
    const bytes = 1_000 + at;
    return { stack: [js('serve', '/a.js', 1), js(`f${at}`, '/a.js', at + 2)], values: [1, bytes, 1, bytes] };
  });
  const { root, leastBytes } = treeOf(makeProfile(samples), 'function');
  const [serve] = root.children;
  // 60,000 rows, with the root and `serve`.
  expect(leastBytes).toBeGreaterThan(1_000 + 10_000);
  expect(serve?.children.length).toBeGreaterThan(59_900);
  expect(serve?.children.length).toBeLessThan(60_000);
  expect(serve?.value).toBe(samples.reduce((sum, { values }) => sum + values[3], 0));
});
