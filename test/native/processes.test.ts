/** Each process image has its own store; a child never writes into its parent's. */
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPE } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { makeRunDirectory, readStores, runSampled, type Store } from './store.ts';

const allocations = (store: Store | undefined, size: number) =>
  store?.events.filter((event) => event.type === EVENT_TYPE.alloc && event.size === size).length;
const frees = (store: Store | undefined, size: number) =>
  store?.events.filter((event) => event.type === EVENT_TYPE.free && event.size === size).length;

describe.each(['fork', 'clone'])('%s', (how) => {
  const run = runSampled([program('processes'), how], { meanBytes: 1 });
  const parent = run.stores.find((store) => store.forked === 0);
  const child = run.stores.find((store) => store.forked === 1);

  test('two stores, told apart', () => {
    expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
    expect(run.stores).toHaveLength(2);
    expect(child?.parentPid).toBe(parent?.pid);
  });

  test('the parent has what the parent did', () => {
    expect([allocations(parent, 30011), frees(parent, 30011), allocations(parent, 30013)]).toEqual([100, 0, 0]);
    expect(allocations(parent, 30029)).toBe(100);
  });

  test('the child has what the child did', () => {
    expect([allocations(child, 30011), frees(child, 30011), allocations(child, 30013)]).toEqual([0, 0, 100]);
    expect(child?.counters.broken_stacks).toBe(0);
  });
});

test('vfork shares the memory, so its allocations are the parent’s', () => {
  const run = runSampled([program('processes'), 'vfork'], { meanBytes: 1 });
  expect(run.status).toBe(0);
  const parent = run.stores.find((store) => store.comm === 'processes');
  expect([allocations(parent, 30011), allocations(parent, 30047), allocations(parent, 30029)]).toEqual([100, 1, 100]);
  expect(run.stores.map((store) => store.comm).toSorted()).toEqual(['processes', 'true']);
});

test('posix_spawn', () => {
  const run = runSampled([program('processes'), 'spawn'], { meanBytes: 1 });
  expect(run.status).toBe(0);
  expect(run.stores.map((store) => [store.comm, store.forked]).toSorted()).toEqual([
    ['processes', 0],
    ['true', 0],
  ]);
});

test('a storm of forks', () => {
  const run = runSampled([program('processes'), 'storm'], { meanBytes: 1 });
  expect(run.status).toBe(0);
  expect(run.stores).toHaveLength(201);
  const children = run.stores.filter((store) => store.forked === 1);
  expect(children.every((child) => allocations(child, 30013) === 100 && frees(child, 30011) === 0)).toBe(true);
  const parent = run.stores.find((store) => store.forked === 0);
  expect([allocations(parent, 30011), frees(parent, 30011)]).toEqual([20000, 20000]);
});

test('children whose threads take their first sample at once', () => {
  // Few samples, so that starting the threads takes none.
  const run = runSampled([program('processes'), 'threads'], { meanBytes: 20_011 });
  expect([run.status, run.signal]).toEqual([0, null]);
  expect(run.stores).toHaveLength(101); // each child was set up once
  const children = run.stores.filter((store) => store.forked === 1);
  for (const child of children) {
    expect(child.ordinal).toBe(0);
    const seen = allocations(child, 30059) ?? 0; // less than all: the others stay out while one sets the child up
    expect([seen > 0, seen <= 400, allocations(child, 30011), frees(child, 30011)]).toEqual([true, true, 0, 0]);
    expect(child.live.filter((live) => live.size === 30059)).toEqual([]);
  }
});

test('exec makes a new image of the same pid', () => {
  const run = runSampled([program('processes'), 'exec', '3'], { meanBytes: 1 });
  expect(run.status).toBe(0);
  expect(run.stores.map((store) => store.ordinal)).toEqual([0, 1, 2, 3]);
  expect(new Set(run.stores.map((store) => store.pid)).size).toBe(1);
  expect(run.stores.every((store) => allocations(store, 30011) === 100)).toBe(true);
});

test.each(['exit', 'return'])('what is freed after %s stays live: the profile is of before', (how) => {
  const store = runSampled([program('processes'), how], { meanBytes: 1 }).stores[0];
  expect(store?.frozenAtNs).toBeGreaterThan(0n);
  expect(store?.live.filter((live) => live.size === 30011)).toHaveLength(100);
  expect(store?.events.at(-1)?.type).toBe(EVENT_TYPE.freeze);
});

describe('threads', () => {
  test('arenas agree with malloc_info', () => {
    const run = runSampled([program('threads'), 'arenas'], { meanBytes: 1 });
    const store = run.stores[0];
    const sizes = [1009, 2003, 3001, 4001, 5003, 6007];
    const arenasOf = (size: number) => {
      const sites = store?.live.filter((live) => live.size === size).map((live) => store.sites[live.site]) ?? [];
      return new Set(sites.map((site) => site?.arena));
    };
    const arenas = sizes.map((size) => [...arenasOf(size)]);
    expect(arenas.every((of) => of.length === 1)).toBe(true);
    const distinct = new Set(arenas.flat());
    const heaps = run.stdout.match(/<heap nr=/g)?.length ?? 0;
    // The main thread's arena has samples of its own; the workers may share arenas where cores are few.
    expect(distinct.size + (distinct.has(0n) ? 0 : 1)).toBe(heaps);
    const tids = sizes.map((size) => store?.sites[store.live.find((live) => live.size === size)?.site ?? -1]?.tid);
    expect(new Set(tids).size).toBe(sizes.length);
    expect(store?.counters.broken_stacks).toBe(0);
  });

  test('ten thousand short threads, each seen from its first byte', () => {
    const run = runSampled([program('threads'), 'churn'], { meanBytes: 65536 });
    const truth = Number(run.stdout);
    expect(truth).toBe(10_000 * 20 * 7001);
    const store = run.stores[0];
    const blocks = store?.events.filter((event) => event.type === EVENT_TYPE.alloc && event.size === 7001) ?? [];
    const estimate = blocks.reduce((sum, event) => sum + event.weight, 0);
    expect(Math.abs(estimate / truth - 1)).toBeLessThan(0.05);
    expect(store?.counters).toMatchObject({ dropped_sites: 0, dropped_live: 0, dropped_nested: 0, broken_stacks: 0 });
  });

  test('blocks that change hands between threads are all forgotten', () => {
    const run = runSampled([program('threads'), 'race'], { meanBytes: 64 });
    const store = run.stores[0];
    expect(run.status).toBe(0);
    expect(store?.counters.alloc_samples).toBeGreaterThan(100_000);
    expect(store?.live.filter((live) => live.size >= 16 && live.size < 516).length).toBeLessThan(20);
    expect(store?.counters).toMatchObject({ dropped_sites: 0, dropped_live: 0, dropped_nested: 0, broken_stacks: 0 });
  });
});

test('without a run directory, with a wrong version, or when not wanted: nothing happens', () => {
  for (const [env, settings] of [
    [{ MEMPROF_RUN_DIR: '/nonexistent' }, {}],
    [{}, { version: 99 }],
    [{}, { flags: 1 }],
  ] as const) {
    const directory = makeRunDirectory(settings);
    const run = runSampled([program('processes'), 'fork'], { directory, env });
    expect(readStores(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
    expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
  }
});
