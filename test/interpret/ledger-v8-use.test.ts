import { expect, test } from 'vitest';
import { createV8UseReader } from '../../src/interpret/ledger-v8-use.ts';
import type { ProcessRecording } from '../../src/interpret/process-recording.ts';

const SECOND = 1_000_000_000n;

/** Statistics of isolates: [thread, seconds, used bytes]. Both clocks begin at 0. */
function recording(...rows: (readonly [threadId: number, seconds: number, usedBytes: number])[]): ProcessRecording {
  const payloads = rows.map(([, , used]) => Buffer.from(`{"spaces":[["old_space",${used},0],["code_space",7,0]]}`));
  return {
    header: { startedUnixNs: 0n, startedMonoNs: 0n },
    v8Profiles: rows.map(([threadId, seconds], at) => ({
      threadId,
      timeUnixNs: BigInt(seconds) * SECOND,
      reason: 'timer',
      ref: at,
    })),
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
