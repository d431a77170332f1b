import { expect, test } from 'vitest';
import { createCollectionFold } from '../../src/interpret/collections.ts';
import { COLLECTION, COLLECTION_KIND, COLLECTION_OURS, EVENT_TYPE } from '../../src/recording/wire.ts';

const PID = 4711;
const START_NS = 1_000_000_000_000n;

interface Made {
  readonly thread?: number;
  readonly kind: number;
  readonly timeNs: number;
  readonly durationNs?: number;
  readonly flags?: number;
  readonly sizes?: readonly [usedBefore: number, usedAfter: number, totalKib: number];
}

function event({ thread = 0, kind, timeNs, durationNs = 0, flags = 0, sizes = [0, 0, 0] }: Made): Buffer {
  const record = Buffer.alloc(COLLECTION.bytes);
  record.writeUInt16LE(EVENT_TYPE.collection, COLLECTION.type);
  record.writeUInt16LE(kind, COLLECTION.kind);
  record.writeUInt32LE(thread, COLLECTION.thread);
  record.writeUInt32LE(flags, COLLECTION.flags);
  record.writeBigUInt64LE(BigInt(timeNs), COLLECTION.timeNs);
  record.writeBigUInt64LE(BigInt(durationNs), COLLECTION.durationNs);
  record.writeBigUInt64LE(BigInt(sizes[0]), COLLECTION.usedBeforeBytes);
  record.writeBigUInt64LE(BigInt(sizes[1]), COLLECTION.usedAfterBytes);
  record.writeUInt32LE(sizes[2], COLLECTION.totalKib);
  return record;
}

function read(...events: readonly Buffer[]) {
  const fold = createCollectionFold();
  fold.add(Buffer.concat(events));
  return fold.read(PID, (timeNs) => START_NS + timeNs);
}

const { scavenge, markCompact, incremental } = COLLECTION_KIND;

test('a pause has its kind, its cause and its isolate', () => {
  const { pauses } = read(
    event({ kind: scavenge, timeNs: 100, durationNs: 11 }),
    event({ kind: markCompact, timeNs: 300, durationNs: 13, flags: 64, thread: 3 }),
    event({ kind: markCompact, timeNs: 200, durationNs: 12, flags: 4 | 32 }),
    event({ kind: incremental, timeNs: 400, durationNs: 14 }),
    event({ kind: markCompact, timeNs: 500, durationNs: 15, flags: 8 | 32 }),
    event({ kind: markCompact, timeNs: 600, durationNs: 16, flags: 16 }),
    event({ kind: markCompact, timeNs: 700, durationNs: 17 }),
  );
  expect(pauses.map(({ timeNs, durationNs, kind, cause }) => [timeNs - START_NS, durationNs, kind, cause])).toEqual([
    [100n, 11, 'scavenge', 'young generation full'],
    [200n, 12, 'mark-compact', 'forced'],
    [300n, 13, 'mark-compact', 'heap limit'],
    [400n, 14, 'incremental', ''],
    [500n, 15, 'mark-compact', 'external memory'],
    [600n, 16, 'mark-compact', 'memory pressure'],
    [700n, 17, 'mark-compact', 'allocation'],
  ]);
  expect(pauses.map(({ pid, threadId }) => [pid, threadId])).toEqual([0, 0, 3, 0, 0, 0, 0].map((id) => [PID, id]));
});

test('what the profiler asked for is no pause of the program, but its heap size counts', () => {
  const { pauses, uses, gauges } = read(
    event({ kind: markCompact, timeNs: 100, durationNs: 5, flags: 4 + COLLECTION_OURS, sizes: [4096, 1024, 8] }),
  );
  expect([pauses, uses]).toEqual([[], []]);
  expect(gauges.map(({ name, thread, points }) => [name, thread, points])).toEqual([
    [
      'v8_used',
      'main',
      [
        { timeNs: START_NS + 100n, value: 4096 },
        { timeNs: START_NS + 105n, value: 1024 },
      ],
    ],
    [
      'v8_total',
      'main',
      [
        { timeNs: START_NS + 100n, value: 8192 },
        { timeNs: START_NS + 105n, value: 8192 },
      ],
    ],
  ]);
});

test('of a hundred pauses p50 is the 50th and p99 the 99th, whatever their order', () => {
  const durations = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
  const { uses } = read(
    ...durations.map((durationNs, i) => event({ kind: scavenge, timeNs: i, durationNs, thread: 2 })),
  );
  expect(uses).toEqual([
    {
      pid: PID,
      threadId: 2,
      kind: 'scavenge',
      pauses: 100,
      totalNs: 5050,
      p50Ns: 50,
      p99Ns: 99,
      maxNs: 100,
      causes: { 'young generation full': 100 },
    },
  ]);
});

test('of a hundred thousand pauses the longest are kept one by one, and all in the sums', () => {
  const fold = createCollectionFold();
  for (let i = 0; i < 100; i++) {
    const events = Array.from({ length: 1_000 }, (_, j) => {
      const timeNs = i * 1_000 + j;
      return event({ kind: scavenge, timeNs, durationNs: timeNs === 50_000 ? 1e9 : 1 + (timeNs % 100) });
    });
    fold.add(Buffer.concat(events));
  }
  const { pauses, uses } = fold.read(PID, (timeNs) => timeNs);
  expect(pauses).toHaveLength(10_000);
  expect(pauses.find(({ durationNs }) => durationNs === 1e9)?.timeNs).toBe(50_000n);
  expect(Math.min(...pauses.map(({ durationNs }) => durationNs))).toBeGreaterThanOrEqual(90);
  expect(pauses.every(({ timeNs }, i) => i === 0 || timeNs >= (pauses[i - 1]?.timeNs ?? 0n))).toBe(true);
  expect(uses[0]?.pauses).toBe(100_000);
});

test('events of other types, kinds that no V8 has, and a cut off record say nothing', () => {
  const other = event({ kind: scavenge, timeNs: 1, durationNs: 1 });
  other.writeUInt16LE(EVENT_TYPE.alloc, COLLECTION.type);
  const { pauses, gauges } = read(
    other,
    event({ kind: 1024, timeNs: 1, durationNs: 1 }),
    event({ kind: scavenge, timeNs: 1 }).subarray(0, 40),
  );
  expect([pauses, gauges]).toEqual([[], []]);
});

test('thousands of workers are thousands of pauses, not of series', () => {
  const events = Array.from({ length: 3_000 }, (_, thread) =>
    event({ kind: scavenge, timeNs: thread, durationNs: 1, thread, sizes: [2048, 1024, 4] }),
  );
  const { uses, gauges } = read(...events);
  expect(uses).toHaveLength(3_000);
  expect(gauges).toHaveLength(128);
});
