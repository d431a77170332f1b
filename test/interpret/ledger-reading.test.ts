import { describe, expect, test } from 'vitest';
import { parseLedgerReading } from '../../src/interpret/ledger-reading.ts';
import type { LedgerReading } from '../../src/recording/ledger.ts';

const HEAP_WALK = {
  start: 4096,
  bytes: 8192,
  arena: 0,
  liveBytes: 1,
  liveChunks: 1,
  freeBytes: 1,
  freePageBytes: 0,
  topBytes: 1,
  topPageBytes: 0,
  cachedBytes: 0,
  untouchedBytes: 0,
  unreachedBytes: 0,
};
const READING: LedgerReading = {
  reason: 'peak',
  timeNs: '7919',
  pid: 4711,
  name: 'node',
  durationNs: 1e6,
  mallocNs: 1e5,
  retries: 0,
  rssBeforeBytes: 8192,
  rssAfterBytes: 8192,
  pssBytes: 8192,
  status: { rssBytes: 8192, highWaterBytes: 8192, swapBytes: 0, pageTableBytes: 0, hugetlbBytes: 0, threads: 1 },
  paths: ['/usr/bin/node'],
  executable: 0,
  regions: [[4096, 8192, 3, -1, 8192, 8192, 0, 0]],
  pieces: [[4096, 4096, 1, 4096]],
  heaps: [HEAP_WALK],
  arenas: [[0, 3]],
  unseen: ['v8'],
};
const parse = (value: unknown): LedgerReading | undefined => parseLedgerReading(Buffer.from(JSON.stringify(value)));

describe('a LEDGER chunk', () => {
  test('is read as it was written', () => {
    expect(parse(READING)).toEqual(READING);
  });

  test('may lack what malloc says, and have codes from later versions', () => {
    const { heaps: _heaps, ...bare } = READING;
    expect(parse({ ...bare, unseen: ['memory', 'from a later version'] })).toEqual({ ...bare, unseen: ['memory'] });
  });

  const region: readonly number[] = READING.regions[0] ?? [];
  test.each<[string, object]>([
    ['an amount that is negative', { rssBeforeBytes: -1 }],
    ['an amount that is no number', { durationNs: '1' }],
    ['a reason that there is not', { reason: 'noon' }],
    ['a time with letters', { timeNs: '0x10' }],
    ['a region too short', { regions: [region.slice(1)] }],
    ['a size with a string in it', { regions: [region.map((one, i) => (i === 4 ? 'x' : one))] }],
    ['a size beyond 48 bits', { regions: [region.map((one, i) => (i === 4 ? 2 ** 60 : one))] }],
    ['a path that is no string', { paths: [7] }],
    ['a heap without its bytes', { heaps: [{ start: 0 }] }],
    ['an arena without threads', { arenas: [[7]] }],
    ['pieces that are none', { pieces: null }],
    ['a status of nothing', { status: [] }],
  ])('%s makes it nothing', (_, wrong) => {
    expect(parse({ ...READING, ...wrong })).toBeUndefined();
  });

  test.each(['', '[]', 'null', '{"regions":[', '"x"'])('%j is none', (text) => {
    expect(parseLedgerReading(Buffer.from(text))).toBeUndefined();
  });
});
