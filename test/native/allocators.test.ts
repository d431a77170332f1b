/** Other allocators behind the sampler: the same blocks are seen once, frees too, and their own chunks are not counted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ARENA_UNKNOWN, EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { REPOSITORY, runSampled, type Store } from './store.ts';

const LIBRARIES = '/usr/lib/x86_64-linux-gnu';
const ALLOCATORS = [
  { name: 'jemalloc', file: 'libjemalloc.so.2', id: 2, debian: 'libjemalloc2' },
  { name: 'mimalloc', file: 'libmimalloc.so.2.0', id: 3, debian: 'libmimalloc2.0' },
  { name: 'tcmalloc', file: 'libtcmalloc_minimal.so.4', id: 4, debian: 'libtcmalloc-minimal4' },
];

const SOURCES = join(REPOSITORY, 'native/test/programs');
const ALL_SIZES = [10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079, 10091, 10093, 10099, 10103, 10111];
const MALLOC_SIZES = [10007, 10009, 10037, 10039, 10061, 10091, 10093];

/** Each size with its events: seen once, and so its free. */
function expectOnce(store: Store | undefined, sizes: readonly number[]): void {
  for (const size of sizes) {
    const events = store?.events.filter((event) => event.size === size).map((event) => event.type);
    expect([size, events]).toEqual([size, [EVENT_TYPE.alloc, EVENT_TYPE.free]]);
  }
}

for (const { name, file, id, debian } of ALLOCATORS) {
  const library = `${LIBRARIES}/${file}`;
  const missing = !existsSync(library);
  if (missing) console.warn(`skipped: ${name} is not installed (Debian package ${debian})`);

  describe.skipIf(missing)(name, () => {
    test('every entry point, once', () => {
      const run = runSampled([program('entry_points'), 'lenient'], { meanBytes: 1, preload: [library] });
      expect([run.status, run.signal]).toEqual([0, null]);
      const store = run.stores[0];
      expect(store?.allocator).toBe(id);
      expectOnce(store, ALL_SIZES);
      expect(store?.sites.every((site) => site.arena === ARENA_UNKNOWN)).toBe(true);
      expect(store?.sites.some((site) => site.heap === HEAP.mmap && site.bytes > 0)).toBe(false);
      expect(store?.counters.broken_stacks).toBe(0);
    });

    test('linked into the program instead', () => {
      const linked = program('entry_points', ['-Wl,--no-as-needed', `-l:${file}`]);
      const run = runSampled([linked, 'lenient'], { meanBytes: 1 });
      expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
      expect(run.stores[0]?.allocator).toBe(id);
      expectOnce(run.stores[0], ALL_SIZES);
    });

    test('preloaded before the sampler: unseen, but every block ends where it began', () => {
      const run = runSampled([program('entry_points'), 'apart'], { meanBytes: 1, preloadBefore: [library] });
      expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
      expect(run.stores[0]?.events.some((event) => event.size === 10007)).toBe(false);
    });

    test('behind a library that passes every call on, which stands before the sampler', () => {
      const wrappers = program('wrappers', ['-shared', '-fPIC']);
      const settings = { meanBytes: 1, preloadBefore: [wrappers], preload: [library] };
      const run = runSampled([program('entry_points'), 'apart'], settings);
      expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, 'calls\n', '']);
      expect(run.stores[0]?.allocator).toBe(id);
      expectOnce(run.stores[0], MALLOC_SIZES);
    });

    test('operators of C++, once', () => {
      const run = runSampled([program('operators'), 'no-bad-alloc'], { meanBytes: 1, preload: [library] });
      expect([run.status, run.stdout]).toEqual([0, '1001\n']);
      for (const size of [20021, 128 * 157]) {
        const events = run.stores[0]?.events.filter((event) => event.size === size) ?? [];
        expect(events.filter((event) => event.type === EVENT_TYPE.alloc)).toHaveLength(4);
        expect(events.filter((event) => event.type === EVENT_TYPE.free)).toHaveLength(4);
      }
    });

    test('threads, forks, Node', () => {
      const threads = runSampled([program('threads'), 'race'], { meanBytes: 64, preload: [library] });
      expect([threads.status, threads.stores[0]?.live.filter((live) => live.size < 516).length]).toSatisfy(
        ([status, left]) => status === 0 && (left as number) < 60,
      );
      expect(runSampled([program('processes'), 'storm'], { preload: [library] }).status).toBe(0);
      const code =
        'const kept = []; for (let i = 0; i < 500; i++) kept.push(Buffer.alloc(100003)); console.log(kept.length)';
      const node = runSampled([process.execPath, '-e', code], { preload: [library] });
      expect([node.status, node.stdout, node.stderr]).toEqual([0, '500\n', '']);
      const bytes = node.stores[0]?.events
        .filter((event) => event.type === EVENT_TYPE.alloc && event.size === 100003)
        .reduce((sum, event) => sum + event.weight, 0);
      expect(Math.abs((bytes ?? 0) / (500 * 100003) - 1)).toBeLessThan(0.15);
    });
  });
}

describe('a preload that defines a part of the malloc family', () => {
  // Every entry point, so that none of the missing ones may come back to us for ever.
  test.each([
    ['malloc alone', []],
    ['posix_memalign alone', ['-DALIGNED']],
  ])('%s', (_name, flags) => {
    const part = program('partial_malloc', ['-shared', '-fPIC', ...flags]);
    const run = runSampled([program('entry_points')], { meanBytes: 1, preload: [part] });
    expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, 'calls\n', '']);
    expectOnce(run.stores[0], ALL_SIZES);
  });
});

// Their next definition is ours: what we call then must lie behind us, or they get their own call back, for ever.
describe('whoever stands before the sampler and passes calls on to the next definition', () => {
  const shared = ['-shared', '-fPIC'];

  test.each([
    ['a preload that counts malloc', 'partial_malloc', []],
    ['a preload that counts posix_memalign', 'partial_malloc', ['-DALIGNED']],
    ['a preload that counts everything', 'wrappers', []],
  ])('%s', (_name, name, flags) => {
    const before = program(name, [...shared, ...flags]);
    const run = runSampled([program('entry_points')], { meanBytes: 1, preloadBefore: [before] });
    expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, 'calls\n', '']);
    expect(run.stores[0]?.allocator).toBe(1);
    expectOnce(run.stores[0], MALLOC_SIZES);
  });

  test('the executable itself', () => {
    const run = runSampled([program('entry_points', [join(SOURCES, 'wrappers.c')])], { meanBytes: 1 });
    expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, 'calls\n', '']);
    expectOnce(run.stores[0], MALLOC_SIZES);
  });

  test('exit, mmap and their like', () => {
    const before = program('wrappers', shared);
    for (const [name, ...args] of [['processes', 'exit'], ['mapping_calls']] as const) {
      const settings = { preloadBefore: [before] };
      const run = runSampled([program(name), ...args], settings);
      expect([name, run.status, run.signal, run.stderr]).toEqual([name, 0, null, '']);
      expect(run.stores[0]?.counters.dropped_mappings).toBe(0);
    }
  });

  test('operators new and delete', () => {
    const before = program('wrappers', [...shared, '-DOPERATORS']);
    for (const settings of [{ preloadBefore: [before] }, { preload: [before] }]) {
      const run = runSampled([program('operators')], { meanBytes: 1, ...settings });
      expect([run.status, run.signal, run.stdout.split('\n').toSorted(), run.stderr]).toEqual([
        0,
        null,
        ['', '1001', 'calls'],
        '',
      ]);
      const events = run.stores[0]?.events.filter((event) => event.size === 20021) ?? [];
      expect(events.filter((event) => event.type === EVENT_TYPE.alloc)).toHaveLength(4);
      expect(events.filter((event) => event.type === EVENT_TYPE.free)).toHaveLength(4);
    }
  });
});

test('an allocator inside the executable, or before us: unseen, and free_sized ends where malloc began', () => {
  const inside = program('entry_points', [join(SOURCES, 'bump_malloc.c')]);
  const before = program('bump_malloc', ['-shared', '-fPIC']);
  for (const [command, preloadBefore] of [
    [inside, []],
    [program('entry_points'), [before]],
  ] as const) {
    const run = runSampled([command, 'lenient'], { meanBytes: 1, preloadBefore: [...preloadBefore] });
    expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
    expect(run.stores[0]?.events.some((event) => event.size === 10007)).toBe(false);
  }
});
