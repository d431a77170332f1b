import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/rules/pattern.ts';
import { createPatternIndex } from '../../src/rules/pattern-index.ts';

describe('a glob', () => {
  it.each([
    ['malloc', 'malloc', true],
    ['malloc', 'mallocx', false],
    ['llama_*', 'llama_decode', true],
    ['*::Zone::*', 'v8::internal::Zone::Expand', true],
    ['*::Zone::*', 'Zone::Expand', false],
    ['a*b*c', 'a--b--c', true],
    ['a*b*c', 'a--c--b', false],
    ['ab*ba', 'aba', false],
    ['*', '', true],
    ['**x', 'x', true],
    ['lib?.so', 'liba.so', true],
    ['lib?.so', 'lib.so', false],
    ['*a?c*e', 'xabcde', true],
    ['*a?', 'aaab', true],
    ['a.c', 'abc', false],
    ['(a+)+$', '(a+)+$', true],
    ['\\*', '\\anything', true],
  ])('%s on %s: %s', (glob, text, expected) => {
    expect(compilePattern(glob).test(text)).toBe(expected);
  });

  it('agrees with a plain reading of itself on all short texts', () => {
    const letters = ['a', 'b', '*', '?'];
    const all = (alphabet: readonly string[], length: number): string[] =>
      length === 0 ? [''] : all(alphabet, length - 1).flatMap((text) => alphabet.map((letter) => text + letter));
    const globs = [1, 2, 3, 4].flatMap((length) => all(letters, length));
    const texts = [0, 1, 2, 3, 4].flatMap((length) => all(['a', 'b'], length));
    for (const glob of globs) {
      const expression = new RegExp(
        `^${glob
          .replaceAll('*', '.*')
          .replaceAll('?', '.')
          .replace(/(?:\.\*)+/g, '.*')}$`,
      );
      const { test, literal } = compilePattern(glob);
      for (const text of texts) {
        expect(test(text), `${glob} on "${text}"`).toBe(expression.test(text));
        if (test(text)) expect(text).toContain(literal);
      }
    }
  });
});

it('an index finds what trying every pattern finds', () => {
  const sources = [
    'malloc',
    'ma*',
    '*loc',
    '*',
    'llama_*',
    'llama_kv_*',
    '*kv_cache*',
    'abcd',
    '*abc*abcd*',
    'é*ggml',
    'a?cdefg',
  ];
  const index = createPatternIndex<string>();
  for (const source of sources) index.add(compilePattern(source), source);
  const texts = ['malloc', 'llama_kv_cache', 'xabcabcd', 'abcdefg', 'éxggml', 'abcd', '', 'loc', 'llama_', 'aXcdefg'];
  for (const text of texts) {
    const expected = sources.filter((source) => compilePattern(source).test(text));
    expect(index.find(text).sort(), text).toEqual(expected.sort());
  }
});
