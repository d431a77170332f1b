import { expect, test } from 'vitest';
import { makeLedger } from '../../src/analyze/ledger.ts';
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
  const [glibc] = allocatorsOf({ mallocArenas, parts: [] } as unknown as LedgerInputs);
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
  expect(allocatorsOf({ parts: [] } as unknown as LedgerInputs)).toEqual([]);
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

const jemalloc = {
  line: 'allocator',
  bytes: 100 * MIB,
  certainty: 'estimated',
  errorBytes: MIB,
  source: '',
  detail: 'jemalloc',
};

function inputsOf(more: object): LedgerInputs {
  const common = {
    ...{ pid: 1, name: 'node', moment: 'end', durationNs: 1, retries: 0, highWaterBytes: 0 },
    apart: [],
    unseen: [],
  };
  const rssBytes = 100 * MIB;
  const rss = {
    rssBytes,
    pssBytes: rssBytes,
    rssBeforeBytes: rssBytes,
    rssAfterBytes: rssBytes,
    statusRssBytes: rssBytes,
  };
  return { ...common, ...rss, parts: [jemalloc], ...more } as unknown as LedgerInputs;
}

function stated(ageNs: bigint) {
  const bytes = new Map([
    ['stats.allocated', 60 * MIB],
    ['stats.active', 75 * MIB],
    ['stats.arenas.pdirty', 11 * MIB],
  ]);
  return { name: 'jemalloc', ageNs, bytes };
}

test('what jemalloc says of itself: measured if it said so at that moment', () => {
  const figures = (ageNs: bigint) =>
    allocatorsOf(inputsOf({ allocatorStatement: stated(ageNs) }))[0]?.figures.map(({ name, bytes, certainty }) => [
      name,
      bytes / MIB,
      certainty,
    ]);
  expect(figures(5_000_000n)).toEqual([
    ['resident', 100, 'estimated'],
    ['live', 60, 'measured'],
    ['fragments', 15, 'measured'],
    ['purge', 11, 'measured'],
  ]);
  expect(figures(200_000_000n)?.at(-1)).toEqual(['purge', 11, 'estimated']);
  expect(allocatorsOf(inputsOf({}))[0]?.figures.map(({ name }) => name)).toEqual(['resident']);
});

test('its heaps are split by its statistics, or by samples where those are of another moment', () => {
  const sampledLive = { bytes: 57 * MIB, deviationBytes: 2 * MIB };
  const parts = (more: object) =>
    makeLedger(inputsOf({ sampledLive, ...more })).lines[0]?.parts.map(({ name, bytes, errorBytes }) => [
      name,
      bytes / MIB,
      errorBytes / MIB,
    ]);
  expect(parts({ allocatorStatement: stated(0n) })).toEqual([
    ['live', 60, 0],
    ['retained', 40, 1],
  ]);
  const bySamples = [
    ['live', 57, 2],
    ['retained', 43, 3],
  ];
  expect(parts({ allocatorStatement: stated(10n ** 9n) })).toEqual(bySamples);
  expect(parts({})).toEqual(bySamples);
  expect(makeLedger(inputsOf({ sampledLive, allocatorStatement: stated(0n) })).splitErrorBytes).toBe(-3 * MIB);
});
