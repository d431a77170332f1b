import { expect, test } from 'vitest';
import { usedAt } from '../../src/interpret/heap-sizes.ts';
import { createV8UseReader } from '../../src/interpret/ledger-v8-use.ts';
import type { ProcessRecording } from '../../src/interpret/process-recording.ts';

const SECOND = 1_000_000_000n;

/** Statistics of isolates: [thread, seconds, used bytes]. Both clocks begin at 0. */
function recording(...rows: (readonly [threadId: number, seconds: number, usedBytes: number])[]): ProcessRecording {
  const payloads = rows.map(([, , used]) =>
    Buffer.from(`{"spaces":[["old_space",${used},0],["code_space",7,0]],"heap":{"used_heap_size":${used + 11}}}`),
  );
  return {
    header: { startedUnixNs: 0n, startedMonoNs: 0n },
    v8Profiles: rows.map(([threadId, seconds], at) => ({
      threadId,
      timeUnixNs: BigInt(seconds) * SECOND,
      reason: 'timer',
      ref: at,
    })),
    collections: { usedAt: () => undefined },
    stream: { read: (at: number) => payloads[at] },
  } as unknown as ProcessRecording;
}

const at = (given: ProcessRecording, seconds: number) => createV8UseReader(given)(BigInt(Math.round(seconds * 1e9)));

test('the nearest statistics of each isolate count, without code', () => {
  const use = at(recording([0, 0, 100], [0, 10, 300], [1, 0, 50], [1, 10, 50]), 9);
  expect(use).toMatchObject({ usedBytes: 350, isolates: 2, ageNs: SECOND });
});

test('the error bar: twice the mean change on the way from the nearest one', () => {
  const grows = recording([0, 0, 100], [0, 10, 300]);
  expect(at(grows, 0)?.errorBytes).toBe(0);
  expect(at(grows, 9)?.errorBytes).toBeCloseTo(40, 6);
  expect(at(grows, 5)?.errorBytes).toBeCloseTo(200, 6);
  // Behind the last one it goes on as fast as before.
  expect(at(grows, 11)?.errorBytes).toBeCloseTo(40, 6);
  expect(at(recording([0, 0, 100], [0, 10, 300], [0, 20, 300]), 19)?.errorBytes).toBe(0);
});

test('of a single one nothing is known, and its bar is all of it; without any there is no line', () => {
  expect(at(recording([0, 5, 100]), 5)?.errorBytes).toBe(100);
  expect(at(recording(), 5)).toBeUndefined();
});

test('sizes that V8 told at its collections are nearer: less code, and with what all isolates share', () => {
  const given = recording([0, 0, 100], [0, 10, 300]);
  const heap = { usedAt: (_: number, timeNs: number) => ({ usedBytes: 250, errorBytes: 9, ageNs: timeNs / 100 }) };
  const told = { ...given, collections: heap } as unknown as ProcessRecording;
  // Its statistics say 300 where V8's own sum is 311.
  expect(at(told, 9)).toEqual({ usedBytes: 239, errorBytes: 9, isolates: 1, ageNs: 90_000_000n });
});

test('between two collections used bytes are between what they were after the one and before the other', () => {
  const sizes = { times: [0, 100, 110, 210], used: [10, 110, 20, 220], total: [] };
  expect(usedAt(sizes, 50)).toEqual({ usedBytes: 60, errorBytes: 50, ageNs: 50 });
  expect(usedAt(sizes, 135)).toEqual({ usedBytes: 70, errorBytes: 150, ageNs: 25 });
  expect(usedAt(sizes, 100)).toEqual({ usedBytes: 110, errorBytes: 100, ageNs: 0 });
  // 2 bytes a ns there, twice.
  expect(usedAt(sizes, 213)).toEqual({ usedBytes: 220, errorBytes: 12, ageNs: 3 });
  expect(usedAt({ times: [1], used: [2], total: [] }, 1)).toBeUndefined();
});
