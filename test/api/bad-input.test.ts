import { describe, expect, it } from 'vitest';
import { cleanName } from '../../src/api/names.ts';
import { arena, label, pool, stage } from '../../src/index.ts';

describe('names', () => {
  it.each([
    ['kv\ncache\x00\x1b[31m\u2028', 'kv_cache__[31m_'],
    ['', '(unnamed)'],
    [' \t ', '_'],
    ['   ', '(unnamed)'],
    ['half \ud83d of a pair', 'half _ of a pair'],
    ['x'.repeat(1000), 'x'.repeat(128)],
    // Three bytes each: 42 of them are 126 bytes, and a third of one is no character.
    ['漢'.repeat(100), '漢'.repeat(42)],
    ['🧠'.repeat(100), '🧠'.repeat(32)],
    ['Gedächtnis für KV', 'Gedächtnis für KV'],
  ])('%j is recorded as %j', (name, recorded) => {
    expect(cleanName(name)).toBe(recorded);
    expect(pool(name).arena().id).toMatch(`${recorded}#`);
    expect(stage(name).name).toBe(recorded);
  });

  it('that are no strings are mistakes of the program text', () => {
    for (const name of [undefined, null, 1, {}, Symbol('s')]) {
      expect(() => pool(name as never)).toThrow(
        new TypeError(`memprof: the name of a pool must be a string, not ${typeof name}`),
      );
      expect(() => arena(name as never)).toThrow(TypeError);
      expect(() => stage(name as never)).toThrow(TypeError);
      expect(() => stage(name as never, () => 1)).toThrow(TypeError);
    }
  });
});

describe('what is given besides', () => {
  it.each([-1, Number.NaN, '5', null, 5n])('a budget of %s is a TypeError', (budgetBytes) => {
    expect(() => pool('kv', { budgetBytes: budgetBytes as never })).toThrow(TypeError);
  });

  it.each([undefined, null, 'tenant=acme', 3])('labels that are %s are a TypeError', (labels) => {
    expect(() => label(labels as never, () => 1)).toThrow(TypeError);
  });

  it.each([undefined, null, 3, {}, { [Symbol.iterator]: 3 }])('a stream of %s is a TypeError', (source) => {
    expect(() => arena('kv').stream(source as never)).toThrow(TypeError);
  });
});

describe('much of it', () => {
  it('a million arenas are a million numbers, and nothing is kept of them', () => {
    const many = pool('many');
    let last = many.arena();
    for (let i = 1; i < 1_000_000; i++) {
      last = many.arena();
      last.release();
    }
    expect(last.id).toBe('many#1000000');
    expect(many.stats()).toMatchObject({ arenas: 1_000_000, released: 999_999 });
  });

  it('a thousand inside each other', () => {
    const nest = (depth: number): number =>
      depth === 0 ? 0 : 1 + stage(`s${depth % 7}`, () => arena('deep').run(() => nest(depth - 1)));
    expect(nest(1000)).toBe(1000);
  });

  // The last one: it fills the tables of this thread.
  it('a pool or stage for each request ends in (other)', () => {
    for (let i = 0; i < 1500; i++) {
      pool(`request-${i}`);
      stage(`request-${i}`);
    }
    expect(pool('one more').name).toBe('(other)');
    expect(stage('one more').name).toBe('(other)');
    expect(stage('another')).toBe(stage('one more'));
    expect(pool('request-0').name).toBe('request-0');
  });
});
