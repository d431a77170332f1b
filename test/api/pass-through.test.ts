import { describe, expect, it } from 'vitest';
import { arena, label, pool, stage } from '../../src/index.ts';

const scopes = () => ({ arena: arena('a'), stage: stage('prefill'), labels: label({ tenant: 'acme' }) });

describe.each(['arena', 'stage', 'labels'] as const)('%s without a profiler', (kind) => {
  it('runs a function at once and gives what it gives', () => {
    const value = { some: 'object' };
    expect(scopes()[kind].run(() => value)).toBe(value);
  });

  it('throws the very error of the function', async () => {
    const error = new Error('mine');
    const fail = () => {
      throw error;
    };
    expect(() => scopes()[kind].run(fail)).toThrow(error);
    expect(() => scopes()[kind].wrap(fail)()).toThrow(error);
    await expect(scopes()[kind].run(() => Promise.reject(error))).rejects.toBe(error);
  });

  it('wraps: this, arguments, result, name and length are those of the function', () => {
    const holder = { factor: 3 };
    function scale(this: typeof holder, a: number, b: number): number {
      return this.factor * (a + b);
    }
    const wrapped = scopes()[kind].wrap(scale);
    expect(wrapped.call(holder, 1, 2)).toBe(9);
    expect([wrapped.name, wrapped.length]).toEqual(['scale', 2]);
    expect(() => scopes()[kind].wrap('no function' as never)).toThrow(TypeError);
  });
});

it('gives the result of a stage or of labels with a function', async () => {
  expect(stage('decode', () => 7)).toBe(7);
  expect(await label({ tenant: 'acme', size: 3, batch: true }, async () => 8)).toBe(8);
});

describe('arenas', () => {
  it('are numbered by their pool from 1', () => {
    const kv = pool('numbered');
    expect([kv.arena().id, kv.arena().id, arena('numbered').id]).toEqual(['numbered#1', 'numbered#2', 'numbered#3']);
  });

  it('are released by using, and by await using', async () => {
    const kept = [];
    {
      using one = arena('used');
      await using two = arena('used');
      kept.push(one, two);
      expect(kept.map((each) => each.released)).toEqual([false, false]);
    }
    expect(kept.map((each) => each.released)).toEqual([true, true]);
    expect(pool('used').stats()).toMatchObject({ arenas: 2, released: 2, doubleReleases: 0 });
  });

  it('count what is released twice, and used after release, and do it all the same', async () => {
    const used = arena('late');
    const wrapped = used.wrap(() => 'wrapped');
    used.release();
    used.release();
    expect(used.run(() => 'ran')).toBe('ran');
    expect(wrapped()).toBe('wrapped');
    for await (const value of used.stream(['streamed'])) expect(value).toBe('streamed');
    // Two steps of the stream: the value and the end.
    expect(pool('late').stats()).toEqual({
      hits: 0,
      misses: 0,
      arenas: 1,
      released: 1,
      doubleReleases: 1,
      usesAfterRelease: 4,
    });
  });
});

describe('pools', () => {
  it('are one for one name', () => {
    expect(pool('kv')).toBe(pool('kv'));
    expect(pool('kv')).not.toBe(pool('KV'));
  });

  it('keep the last budget that was given', () => {
    expect(pool('budgeted').budgetBytes).toBe(0);
    expect(pool('budgeted', { budgetBytes: 5 }).budgetBytes).toBe(5);
    expect(pool('budgeted').budgetBytes).toBe(5);
    expect(pool('budgeted', { budgetBytes: Number.POSITIVE_INFINITY }).budgetBytes).toBe(0);
  });

  it('count hits and misses', () => {
    const buffers = pool('counted');
    buffers.hit();
    buffers.hit();
    buffers.miss();
    expect(buffers.stats()).toMatchObject({ hits: 2, misses: 1 });
  });
});
