/** Other allocators behind the sampler: the same blocks are seen once, frees too, and their own chunks are not counted. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ARENA_UNKNOWN, EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { runSampled } from './store.ts';

const LIBRARIES = '/usr/lib/x86_64-linux-gnu';
const ALLOCATORS = [
  { name: 'jemalloc', file: 'libjemalloc.so.2', id: 2, debian: 'libjemalloc2' },
  { name: 'mimalloc', file: 'libmimalloc.so.2.0', id: 3, debian: 'libmimalloc2.0' },
  { name: 'tcmalloc', file: 'libtcmalloc_minimal.so.4', id: 4, debian: 'libtcmalloc-minimal4' },
];

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
      for (const size of [10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079, 10091, 10093, 10099, 10103, 10111]) {
        const events = store?.events.filter((event) => event.size === size).map((event) => event.type);
        expect([size, events]).toEqual([size, [EVENT_TYPE.alloc, EVENT_TYPE.free]]);
      }
      expect(store?.sites.every((site) => site.arena === ARENA_UNKNOWN)).toBe(true);
      expect(store?.sites.some((site) => site.heap === HEAP.mmap && site.bytes > 0)).toBe(false);
      expect(store?.counters.broken_stacks).toBe(0);
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
    for (const size of [10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079, 10091, 10093, 10099, 10103, 10111]) {
      const events = run.stores[0]?.events.filter((event) => event.size === size).map((event) => event.type);
      expect([size, events]).toEqual([size, [EVENT_TYPE.alloc, EVENT_TYPE.free]]);
    }
  });
});
