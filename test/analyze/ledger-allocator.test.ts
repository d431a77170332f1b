import { expect, test } from 'vitest';
import { allocatorsOf } from '../../src/analyze/ledger-allocator.ts';
import type { LedgerInputs, MallocArena } from '../../src/model/ledger.ts';
import { rowsOf } from '../../src/report/ledger-arenas.ts';

const MIB = 1 << 20;

function arena(name: string, live: number, pages: number, fragments = 0, top = 0): MallocArena {
  return {
    name,
    heaps: 1,
    sizeBytes: 64 * MIB,
    liveBytes: live * MIB,
    cachedBytes: 0,
    freePageBytes: pages * MIB,
    fragmentBytes: fragments * MIB,
    topBytes: top * MIB,
    topPageBytes: top * MIB,
    unreachedBytes: 0,
  };
}

function figures(mallocArenas: readonly MallocArena[]): Record<string, number> {
  const [glibc] = allocatorsOf({ mallocArenas } as unknown as LedgerInputs);
  return Object.fromEntries(glibc?.figures.map(({ name, bytes }) => [name, bytes / MIB]) ?? []);
}

test('malloc_trim: whole pages of all arenas, and the end of the main heap alone', () => {
  expect(figures([arena('main', 10, 2, 3, 5), arena('arena 1', 10, 7, 3, 11)])).toMatchObject({ malloc_trim: 14 });
});

test('MALLOC_ARENA_MAX: an arena that is no more gives at most what it has, and at most what all keep free', () => {
  // All of the other two fits into the holes of the main one.
  expect(figures([arena('main', 1, 0, 50), arena('arena 1', 5, 1), arena('arena 2', 2, 0, 1)])).toMatchObject({
    arena_max_1: 9,
    arena_max_2: 6,
  });
  // Next to nothing of it fits.
  expect(figures([arena('main', 1, 0, 0), arena('arena 1', 500, 1), arena('arena 2', 2, 0, 1)])).toEqual({
    malloc_trim: 1,
    arena_max_1: 2,
    arena_max_2: 2,
  });
});

test('no heaps, no allocator; one arena, no limit', () => {
  expect(allocatorsOf({} as unknown as LedgerInputs)).toEqual([]);
  expect(Object.keys(figures([arena('main', 1, 1)]))).toEqual(['malloc_trim']);
});

test('of many arenas the largest are shown, the main one first, and the rest is added up', () => {
  const many = [arena('main', 1, 0), ...Array.from({ length: 20 }, (_, at) => arena(`arena ${at + 1}`, at + 1, 1))];
  const rows = rowsOf(many);
  expect(rows.map(({ name }) => name)).toEqual([
    'main',
    ...[20, 19, 18, 17, 16, 15].map((at) => `arena ${at}`),
    '14 more',
  ]);
  expect(rows.at(-1)?.amounts.slice(0, 2)).toEqual([(14 * 15 * MIB) / 2, 14 * MIB]);
});
