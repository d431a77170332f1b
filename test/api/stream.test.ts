import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { streamIn } from '../../src/api/stream.ts';

/** Where the steps of a source ran: `run` counts how deep in it we are. */
function recorder() {
  const seen: string[] = [];
  let depth = 0;
  const run = <T>(fn: () => T): T => {
    depth++;
    try {
      return fn();
    } finally {
      depth--;
    }
  };
  const note = (step: string) => seen.push(depth === 1 ? step : `${step} at depth ${depth}`);
  return { seen, run, note };
}

/** An iterator by hand: an async generator would queue its steps and hide who called them. */
function source(note: (step: string) => void, methods: readonly string[] = ['return', 'throw']) {
  let n = 0;
  const iterator: Record<string, unknown> = {
    next: async (value: unknown) => {
      note(value === undefined ? 'next' : `next ${value}`);
      return n < 3 ? { done: false, value: ++n } : { done: true, value: 'end' };
    },
    return: async (value: unknown) => {
      note('return');
      return { done: true, value };
    },
    throw: async (error: unknown) => {
      note('throw');
      throw error;
    },
  };
  for (const name of ['return', 'throw']) if (!methods.includes(name)) delete iterator[name];
  return {
    [Symbol.asyncIterator]() {
      note('open');
      return iterator;
    },
  } as unknown as AsyncIterable<number>;
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe('streamIn', () => {
  it('gives the same values, each step run in the scope', async () => {
    const { seen, run, note } = recorder();
    expect(await collect(streamIn(run, source(note)))).toEqual([1, 2, 3]);
    expect(seen).toEqual(['open', 'next', 'next', 'next', 'next']);
  });

  it('opens nothing before it is read', async () => {
    const { seen, run, note } = recorder();
    const stream = streamIn(run, source(note));
    expect(await stream.return?.('gone')).toEqual({ done: true, value: 'gone' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(seen).toEqual([]);
  });

  it('ends the source when the loop is left early', async () => {
    const { seen, run, note } = recorder();
    for await (const value of streamIn(run, source(note))) if (value === 2) break;
    expect(seen).toEqual(['open', 'next', 'next', 'return']);
  });

  it('needs no return of the source', async () => {
    const { run, note } = recorder();
    for await (const value of streamIn(run, source(note, []))) if (value === 1) break;
  });

  it('passes values and errors in, and the end value out', async () => {
    const { seen, run, note } = recorder();
    const stream = streamIn(run, source(note));
    await stream.next();
    await stream.next('in' as never);
    const error = new Error('in');
    await expect(stream.throw?.(error)).rejects.toBe(error);
    await stream.next();
    expect(await stream.next()).toEqual({ done: true, value: 'end' });
    expect(seen).toEqual(['open', 'next', 'next in', 'throw', 'next', 'next']);
  });

  it('closes a source that takes no errors, and throws the error', async () => {
    const { seen, run, note } = recorder();
    const stream = streamIn(run, source(note, ['return']));
    await stream.next();
    const error = new Error('in');
    await expect(stream.throw?.(error)).rejects.toBe(error);
    expect(seen).toEqual(['open', 'next', 'return']);
  });

  it('gives the errors of the source, of a generator too', async () => {
    const { run } = recorder();
    const error = new Error('from the source');
    const failing = (async function* () {
      yield 1;
      throw error;
    })();
    await expect(collect(streamIn(run, failing))).rejects.toBe(error);
    const thrower: AsyncIterable<number> = {
      [Symbol.asyncIterator]() {
        throw error;
      },
    };
    await expect(collect(streamIn(run, thrower))).rejects.toBe(error);
  });

  it('runs the finally of an abandoned generator in the scope, a tick later as it does', async () => {
    const scope = new AsyncLocalStorage<string>();
    let ranIn: string | undefined;
    async function* values() {
      try {
        yield 1;
        yield 2;
      } finally {
        await undefined;
        ranIn = scope.getStore();
      }
    }
    for await (const _ of streamIn((fn) => scope.run('the scope', fn), values())) break;
    expect(ranIn).toBe('the scope');
  });

  it('reads arrays with promises, synchronous generators and Node streams', async () => {
    const { run } = recorder();
    expect(await collect(streamIn(run, [Promise.resolve(1), 2]))).toEqual([1, 2]);
    expect(await collect(streamIn(run, new Set('ab')))).toEqual(['a', 'b']);
    expect(await collect(streamIn(run, Readable.from(['x', 'y'])))).toEqual(['x', 'y']);
  });
});
