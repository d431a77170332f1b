import { expect, test } from 'vitest';
import { createSnapshotClock } from '../../src/capture/snapshot-clock.ts';

const SECOND = 1_000_000_000n;

function countTimer(everyMs: number, seconds: number): number {
  const clock = createSnapshotClock(everyMs, 0n);
  let count = 0;
  for (let second = 1n; second <= BigInt(seconds); second++) if (clock.isTimerDue(second * SECOND)) count++;
  return count;
}

test('one snapshot per interval, as long as the run is short', () => {
  expect(countTimer(60_000, 3599)).toBe(59);
});

test('a week is a few hundred snapshots', () => {
  expect(countTimer(60_000, 7 * 86_400)).toBeLessThan(600);
  expect(countTimer(60_000, 7 * 86_400)).toBeGreaterThan(300);
});

test('0 switches the timer off', () => expect(countTimer(0, 10_000)).toBe(0));

test('peaks: one a second, fewer when a snapshot is slow', () => {
  const clock = createSnapshotClock(0, 0n);
  expect(clock.isPeakAllowed(SECOND)).toBe(true);
  expect(clock.isPeakAllowed(SECOND + SECOND / 2n)).toBe(false);
  expect(clock.isPeakAllowed(2n * SECOND)).toBe(true);
  clock.tookPeak(SECOND / 4n);
  expect(clock.isPeakAllowed(6n * SECOND)).toBe(false);
  expect(clock.isPeakAllowed(7n * SECOND)).toBe(true);
});

test('agents are asked for a profile at most once in five seconds', () => {
  const clock = createSnapshotClock(0, 0n);
  const asked = Array.from({ length: 20 }, (_, i) => clock.isV8PeakAllowed(BigInt(i + 1) * SECOND));
  expect(asked.filter(Boolean).length).toBe(4);
});
