/** With a mean of one byte every allocation is a sample, so each entry point must show, once, with its size. */
import { describe, expect, test } from 'vitest';
import { EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { runSampled, type Store } from './store.ts';

/** How often a size was allocated and freed, as [allocs, frees]. */
function timesOf(store: Store | undefined, size: number): [number, number] {
  const events = store?.events.filter((event) => event.size === size && event.heap === HEAP.malloc) ?? [];
  const count = (type: number) => events.filter((event) => event.type === type).length;
  return [count(EVENT_TYPE.alloc), count(EVENT_TYPE.free)];
}

const MALLOC_SIZES = [
  ...[10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079, 10091, 64 * 157, 10093, 10099, 3 * 4096],
  ...[10103, 64 * 163, 10111, 10151],
];

describe('entry points of malloc', () => {
  const run = runSampled([program('entry_points')], { meanBytes: 1 });
  const store = run.stores[0];

  test('the program ends as it would alone', () => {
    expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
  });

  test.each(MALLOC_SIZES)('a block of %i bytes is seen once, and so is its free', (size) => {
    expect(timesOf(store, size)).toEqual([1, 1]);
  });

  test('an empty allocation weighs a byte', () => {
    expect(timesOf(store, 0)[0]).toBeGreaterThan(0);
  });

  test('a realloc that fails leaves the old block sampled', () => {
    expect(store?.live.filter((live) => live.size === 10141)).toHaveLength(1);
  });

  test('a refused alignment and an impossible size leave no sample', () => {
    for (const size of [10133, 10139, 2 ** 62]) expect(timesOf(store, size)).toEqual([0, 0]);
  });

  test('what is kept stays live, with its exact size as weight', () => {
    const kept = runSampled([program('entry_points'), 'keep'], { meanBytes: 1 }).stores[0];
    for (const size of [10007, 10009, 10039, 10061, 10067, 10079, 10091, 64 * 157, 10093, 10099, 3 * 4096]) {
      expect(kept?.live.filter((live) => live.size === size && live.weight === size)).toHaveLength(1);
    }
  });
});

describe('operators of C++', () => {
  const run = runSampled([program('operators')], { meanBytes: 1 });
  const store = run.stores[0];

  test('exceptions pass through sampled frames', () => {
    expect([run.status, run.stdout, run.stderr]).toEqual([0, '1001\n', '']);
  });

  test.each([20021, 128 * 157])('new and delete of %i bytes count once each', (size) => {
    expect(timesOf(store, size)).toEqual([4, 4]);
  });

  test('blocks that an exception leaked are live', () => {
    expect(store?.live.filter((live) => live.size === 20011)).toHaveLength(21 * 1000);
  });

  test('no stack is broken', () => {
    expect(store?.counters).toMatchObject({ broken_stacks: 0, truncated_stacks: 0, dropped_live: 0, dropped_sites: 0 });
  });
});
