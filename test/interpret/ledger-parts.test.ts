import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeLedger } from '../../src/analyze/ledger.ts';
import { parseSmaps } from '../../src/capture/smaps.ts';
import { inputsOfReading } from '../../src/interpret/ledger-inputs.ts';
import type { Ledger } from '../../src/model/ledger.ts';
import { type LedgerReading, PIECE_KINDS } from '../../src/recording/ledger.ts';

/** A reading of a recorded smaps text: nothing but the kernel's word, as where memory may not be read. */
function reading(name: string): LedgerReading {
  const text = readFileSync(fileURLToPath(new URL(`../../fixtures/smaps/${name}.txt`, import.meta.url)), 'latin1');
  const { regions, paths, pssBytes } = parseSmaps(text);
  const rss = regions.reduce((sum, region) => sum + region[4], 0);
  return {
    reason: 'outside',
    timeNs: '0',
    pid: 4711,
    name: 'node',
    durationNs: 1e6,
    mallocNs: 0,
    retries: 0,
    rssBeforeBytes: rss,
    rssAfterBytes: rss,
    pssBytes,
    status: { rssBytes: rss, highWaterBytes: rss, swapBytes: 0, pageTableBytes: 0, hugetlbBytes: 0, threads: 7 },
    paths,
    executable: paths.indexOf('/usr/bin/node'),
    regions,
    pieces: [],
    unseen: ['v8', 'memory', 'pagemap'],
  };
}

const mib = (ledger: Ledger, name: string): number =>
  (ledger.lines.find((line) => line.name === name)?.bytes ?? 0) / (1 << 20);

describe('a 100 MiB WebAssembly memory, told by the kernel alone', () => {
  test.each([20, 22, 24, 26])('Node %i', (version) => {
    const ledger = makeLedger(inputsOfReading(reading(`node-${version}-wasm`)));
    expect(mib(ledger, 'wasmMemory')).toBe(100);
    expect(mib(ledger, 'v8Heap')).toBeGreaterThan(3);
    expect(mib(ledger, 'v8Heap')).toBeLessThan(8);
    expect(mib(ledger, 'v8Code')).toBeGreaterThan(0);
    expect(mib(ledger, 'v8Code')).toBeLessThan(1);
    expect(mib(ledger, 'binaries')).toBeGreaterThan(25);
    expect(mib(ledger, 'malloc')).toBeGreaterThan(1);
    expect(mib(ledger, 'stacks')).toBeGreaterThan(0.05);
    // Node's own blocks of 132 and 1,088 KiB, and others, can only be told by what they hold.
    expect(Math.abs(ledger.residualBytes)).toBeLessThan(0.01 * ledger.rssBytes);
    expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger.rssBytes);
  });
});

test('with jemalloc, what it holds is a line of its own, estimated', () => {
  const ledger = makeLedger(inputsOfReading(reading('node-22-jemalloc')));
  const line = ledger.lines.find(({ name }) => name === 'allocator');
  expect(line).toMatchObject({ certainty: 'estimated', source: 'libjemalloc is loaded' });
  expect(ledger.unseen.at(-1)).toBe(
    'jemalloc was not asked (no injection): how much of its heaps is live is not known',
  );
  expect(mib(ledger, 'allocator')).toBeGreaterThan(1);
  expect(mib(ledger, 'malloc')).toBe(0);
});

test('with jemalloc loaded and glibc’s malloc in use, nobody can tell whose mappings they are', () => {
  const given = reading('node-22-jemalloc');
  const heap = {
    ...{
      start: 0,
      bytes: 8 << 20,
      arena: 0,
      liveBytes: 5 << 20,
      liveChunks: 9,
      freeBytes: 0,
      freePageBytes: 0,
      topBytes: 0,
    },
    ...{ topPageBytes: 0, cachedBytes: 0, untouchedBytes: 0, unreachedBytes: 0 },
  };
  const bar = (one: LedgerReading): number => {
    const line = makeLedger(inputsOfReading(one)).lines.find(({ name }) => name === 'allocator');
    return (line?.errorBytes ?? 0) / (line?.bytes ?? 1);
  };
  expect(bar(given)).toBeCloseTo(0.005, 6);
  expect(bar({ ...given, heaps: [heap] })).toBe(1);
});

describe('what is not in RSS (a C program, by the kernel alone)', () => {
  test('20,012 KiB of a block that malloc mapped were written to swap', () => {
    const ledger = makeLedger(inputsOfReading(reading('c-swapped')));
    expect(ledger.apart).toContainEqual({ name: 'swapped out', bytes: 20_012 << 10, certainty: 'measured' });
    expect(mib(ledger, 'malloc')).toBeGreaterThan(15.6);
    expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger.rssBytes);
  });

  test('of a block whose first page is swapped out the header cannot be read: it is told by elimination', () => {
    const given = reading('c-swapped');
    const swapped = given.regions.find((region) => region[6] > 0);
    const ledger = makeLedger(inputsOfReading({ ...given, unseen: ['v8'] }));
    const line = ledger.lines.find(({ name }) => name === 'mallocMapped');
    expect(line).toMatchObject({ bytes: swapped?.[4], certainty: 'estimated', errorBytes: swapped?.[4] });
    // Nothing of V8's: that it was not asked is no loss.
    expect(ledger.unseen).toEqual([]);
  });

  test('what was swapped out of a block is not counted as never touched', () => {
    const given = reading('c-swapped');
    const [start = 0, bytes = 0, , , rss = 0] = given.regions.find((region) => region[6] > 0) ?? [];
    const pieces: LedgerReading['pieces'] = [[start, bytes, PIECE_KINDS.indexOf('chunk'), rss]];
    const ledger = makeLedger(inputsOfReading({ ...given, unseen: [], pieces, heaps: [] }));
    const line = ledger.apart.find(({ name }) => name === 'malloc: live and never touched');
    // The mapping has 20,028 KiB: 12 are there, 20,012 in swap, and one page was never touched.
    expect(line).toMatchObject({ bytes: 4 << 10, certainty: 'estimated' });
  });

  test('two huge pages of hugetlbfs: of the process, and in no line', () => {
    const given = reading('c-hugetlb');
    const ledger = makeLedger(inputsOfReading({ ...given, status: { ...given.status, hugetlbBytes: 4 << 20 } }));
    expect(ledger.apart).toContainEqual({ name: 'huge pages of hugetlbfs', bytes: 4 << 20, certainty: 'measured' });
    expect(ledger.rssBytes).toBe(1280 << 10);
    expect(ledger.residualBytes).toBeLessThanOrEqual(12 << 10);
  });
});

test('a block that grew after its region was counted: what was counted is its own, and no line is negative', () => {
  const given = reading('node-24-wasm');
  const region = given.regions.find(
    ([start, , flags, path, rss]) => path === -1 && flags === 3 && rss > 0 && start > 2 ** 46,
  );
  if (region === undefined) throw new Error('no plain memory in the fixture');
  const [start, bytes, , , rss] = region;
  const chunk = PIECE_KINDS.indexOf('chunk');
  const before = makeLedger(inputsOfReading(given));
  const ledger = makeLedger(inputsOfReading({ ...given, pieces: [[start, bytes, chunk, rss + (3 << 20)]] }));
  expect(ledger.lines.filter((line) => line.bytes < 0)).toEqual([]);
  expect(ledger.residualBytes).toBeLessThanOrEqual(before.residualBytes);
  expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger.rssBytes);
});
