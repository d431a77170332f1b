import { expect, test } from 'vitest';
import { makeLedger } from '../../src/analyze/ledger.ts';
import type { LedgerInputs, LedgerPart } from '../../src/model/ledger.ts';

const MIB = 1 << 20;
const part = (line: LedgerPart['line'], bytes: number, errorBytes = 0): LedgerPart => ({
  line,
  bytes,
  certainty: line === 'unknown' ? 'unknown' : errorBytes > 0 ? 'estimated' : 'measured',
  errorBytes,
  source: 'test',
});

function inputs(parts: readonly LedgerPart[], more: Partial<LedgerInputs> = {}): LedgerInputs {
  const rssBytes = more.rssBytes ?? parts.reduce((sum, one) => sum + one.bytes, 0);
  return {
    pid: 1,
    name: 'node',
    pssBytes: 0,
    moment: 'now',
    timeNs: 0n,
    durationNs: 1000,
    retries: 0,
    parts,
    rssBytes,
    rssBeforeBytes: rssBytes,
    rssAfterBytes: rssBytes,
    statusRssBytes: rssBytes,
    highWaterBytes: rssBytes,
    apart: [],
    unseen: [],
    ...more,
  };
}

const USE = {
  liveBytes: 60 * MIB,
  freeBytes: 30 * MIB,
  topBytes: 4 * MIB,
  cachedBytes: 1 * MIB,
  unreachedBytes: 0,
  untouchedBytes: 0,
  liveChunks: 9,
};
const failed = (given: LedgerInputs): string[] =>
  makeLedger(given)
    .checks.filter((check) => !check.isPassed)
    .map((check) => check.name);

test('lines and the residual are RSS to the byte, whatever is missing or too much', () => {
  for (const rssBytes of [95 * MIB, 100 * MIB + 1, 101 * MIB]) {
    const ledger = makeLedger(
      inputs([part('binaries', 40 * MIB), part('v8Heap', 59 * MIB), part('unknown', MIB)], { rssBytes }),
    );
    expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(rssBytes);
    expect(ledger.residualBytes).toBe(rssBytes - 99 * MIB);
    expect(ledger.lines.at(-1)).toMatchObject({ name: 'residual', bytes: rssBytes - 99 * MIB });
  }
});

test('malloc’s heaps are live and retained by their own records, and the split error is what was not reached', () => {
  const ledger = makeLedger(inputs([part('malloc', 98 * MIB)], { mallocUse: { ...USE, unreachedBytes: 2 * MIB } }));
  const [malloc] = ledger.lines;
  expect(malloc?.parts.map(({ name, bytes }) => [name, bytes / MIB])).toEqual([
    ['live', 60],
    ['retained', 35],
    ['undivided', 3],
  ]);
  expect(malloc?.parts.reduce((sum, one) => sum + one.bytes, 0)).toBe(malloc?.bytes);
  expect(ledger.splitErrorBytes).toBe(3 * MIB);
  expect(ledger.checks.find((check) => check.name === 'malloc_walk')?.isPassed).toBe(false);
});

test('without records the samples split the heaps, with their error bar', () => {
  const parts = [part('malloc', 100 * MIB), part('mallocMapped', 50 * MIB)];
  const ledger = makeLedger(inputs(parts, { sampledLive: { bytes: 120 * MIB, deviationBytes: 3 * MIB } }));
  expect(ledger.lines[0]?.parts).toMatchObject([
    { name: 'live', bytes: 70 * MIB, certainty: 'estimated', errorBytes: 3 * MIB },
    { name: 'retained', bytes: 30 * MIB, certainty: 'estimated', errorBytes: 3 * MIB },
  ]);
});

test('a block of 499 MiB that nobody touched is in the samples, and takes nothing from the heaps', () => {
  const sampledLive = { bytes: 529 * MIB, deviationBytes: 2 * MIB };
  const ledger = makeLedger(inputs([part('malloc', 50 * MIB)], { sampledLive, mappedAbsentBytes: 499 * MIB }));
  expect(ledger.lines[0]?.parts.map(({ name, bytes }) => [name, bytes / MIB])).toEqual([
    ['live', 30],
    ['retained', 20],
  ]);
  expect(ledger.splitErrorBytes).toBe(2 * MIB);
});

test('what is live has its pools, and blocks mapped on their own have theirs', () => {
  const ledger = makeLedger(
    inputs([part('malloc', 94 * MIB), part('mallocMapped', 50 * MIB)], {
      mallocUse: USE,
      liveOwners: [{ pool: 'kv', arena: '', bytes: 7 * MIB, bytesVariance: MIB ** 2 }],
      mappedOwners: [{ pool: 'weights', arena: '', bytes: 50 * MIB }],
    }),
  );
  const [malloc, mapped] = ledger.lines;
  expect(malloc?.parts.find(({ name }) => name === 'live')?.parts).toMatchObject([
    { name: 'pool', title: 'kv', bytes: USE.liveBytes },
  ]);
  expect(mapped?.parts).toMatchObject([{ name: 'pool', title: 'weights', bytes: 50 * MIB, certainty: 'measured' }]);
});

test('a line is as sure as its least sure part', () => {
  const ledger = makeLedger(inputs([part('mallocMapped', MIB), part('mallocMapped', MIB, 1000)]));
  expect(ledger.lines[0]).toMatchObject({ certainty: 'estimated', errorBytes: 1000, bytes: 2 * MIB });
});

test('self-checks fail by name, and name the line', () => {
  const parts = [part('v8Heap', 50 * MIB), part('binaries', 50 * MIB)];
  expect(failed(inputs(parts))).toEqual([]);
  expect(failed(inputs(parts, { rssBytes: 104 * MIB }))).toEqual(['residual']);
  expect(failed(inputs([...parts, part('unknown', 2 * MIB)]))).toEqual(['unknown_mappings']);
  expect(failed(inputs(parts, { statusRssBytes: 99 * MIB }))).toEqual(['status_and_smaps']);
  expect(failed(inputs(parts, { rssAfterBytes: 101 * MIB }))).toEqual(['skew']);
  expect(failed(inputs([part('files', -4096), ...parts]))).toEqual(['negative_files']);
  const v8Use = { usedBytes: 51 * MIB, errorBytes: MIB, isolates: 1, ageNs: 0n };
  expect(failed(inputs(parts, { v8Use }))).toEqual(['v8_used']);
  const [check] = makeLedger(inputs(parts, { v8Use })).checks.filter(({ isPassed }) => !isPassed);
  expect(check?.message).toMatch(/^V8 heap pages: V8 says that 51\.0 MiB are used, and 50\.0 MiB are resident/);
});
