import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { createLedgerLog, isOfTheEnd } from '../../src/capture/ledger-log.ts';
import type { RecordingFile } from '../../src/capture/recording-writer.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import type { LedgerReading } from '../../src/recording/ledger.ts';
import { cleanEnvironment } from '../cli/run-cli.ts';

const SECOND = 1_000_000_000n;
const MIB = 1 << 20;

/** A program that does nothing, and a log of it that keeps the readings. */
async function followSleeper(): Promise<{
  readonly child: ChildProcess;
  readonly log: ReturnType<typeof createLedgerLog>;
  readonly file: RecordingFile;
  readonly readings: LedgerReading[];
}> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const readings: LedgerReading[] = [];
  const file: RecordingFile = {
    name: () => 'x.mpr',
    append(type, [json]) {
      if (type === CHUNK.ledger) readings.push(JSON.parse(String(json)) as LedgerReading);
      return true;
    },
    appendJson: () => true,
    close: () => undefined,
  };
  return { child, log: createLedgerLog(child.pid ?? 0), file, readings };
}

test('readings come after a moment, at new highs and by time, and not more often', async () => {
  const { log, file, readings } = await followSleeper();
  const reasonsAfter = (seconds: number, rssBytes: number): string[] => {
    log.poll(file, BigInt(Math.round(seconds * 1e9)), rssBytes);
    return readings.map(({ reason }) => reason);
  };
  expect(reasonsAfter(1, 50 * MIB)).toEqual([]);
  expect(reasonsAfter(1.1, 60 * MIB)).toEqual([]);
  expect(reasonsAfter(1.2, 60 * MIB)).toEqual(['peak']);
  expect(reasonsAfter(1.3, 90 * MIB)).toEqual(['peak']); // too soon
  expect(reasonsAfter(1.4, 62 * MIB)).toEqual(['peak']); // no new high
  expect(reasonsAfter(60, 62 * MIB)).toEqual(['peak', 'timer']);
  expect(reasonsAfter(64, 62.1 * MIB)).toEqual(['peak', 'timer']); // no new high
  expect(reasonsAfter(64.1, 70 * MIB)).toEqual(['peak', 'timer']); // it moves
  expect(reasonsAfter(64.2, 70.1 * MIB)).toEqual(['peak', 'timer', 'peak']);
  expect(reasonsAfter(64.8, 80 * MIB)).toEqual(['peak', 'timer', 'peak']);
  expect(reasonsAfter(65.2, 90 * MIB)).toEqual(['peak', 'timer', 'peak', 'peak']); // it moves on and on
  expect(readings[0]?.regions.length).toBeGreaterThan(50);
});

test('the last reading is taken once, and the last one', async () => {
  const { log, file, readings } = await followSleeper();
  const nowNs = process.hrtime.bigint();
  log.takeLast(file, nowNs, readings.length);
  log.takeLast(file, nowNs, 0);
  log.poll(file, nowNs + 60n * SECOND, 900 * MIB);
  log.poll(file, nowNs + 120n * SECOND, 900 * MIB);
  expect(readings.map(({ reason }) => reason)).toEqual(['end']);
});

test('where memprof came too late, and most is gone, there is no last reading', async () => {
  const { log, file, readings } = await followSleeper();
  log.takeLast(file, process.hrtime.bigint() - SECOND, 2 ** 40);
  expect(readings).toEqual([]);
});

test('a map that was read while the process gave its memory back is not that of the end', () => {
  const reading = (mib: number, tookMs: number): Parameters<typeof isOfTheEnd>[0] => ({
    timeNs: '1000000000',
    durationNs: tookMs * 1e6,
    mallocNs: 0,
    regions: [
      [0x7f0000000000, 900 * MIB, 3, -1, (mib - 56) * MIB, 0, 0, 0],
      [0x400000, 56 * MIB, 5, 0, 56 * MIB, 0, 0, 0],
    ],
  });
  const isUsed = (mib: number, tookMs: number): boolean => isOfTheEnd(reading(mib, tookMs), SECOND, 955 * MIB);
  // The process waits for 20 ms.
  expect(isUsed(824, 19)).toBe(true);
  expect(isUsed(824, 40)).toBe(false);
  expect(isUsed(954, 40)).toBe(true);
});

test('a process that has ended has no reading, and that is no error', async () => {
  const { child, log, file, readings } = await followSleeper();
  child.kill('SIGKILL');
  await once(child, 'exit');
  log.poll(file, SECOND, 50 * MIB);
  log.poll(file, 60n * SECOND, 50 * MIB);
  log.takeLast(file, process.hrtime.bigint(), 50 * MIB);
  expect(readings).toEqual([]);
});

test('readings take a bounded part of the recording, the last one besides', async () => {
  const { child, file, readings } = await followSleeper();
  const log = createLedgerLog(child.pid ?? 0, { freeBytes: 1, bytesPerSecond: 10 });
  const after = (seconds: number): number => {
    log.poll(file, BigInt(seconds) * SECOND, 50 * MIB);
    log.poll(file, BigInt(seconds) * SECOND + SECOND / 2n, 50 * MIB);
    return readings.length;
  };
  after(1);
  const first = after(2);
  expect(first).toBe(1);
  // Some 10 kB are paid for with some 1,000 s.
  expect(after(60)).toBe(1);
  expect(after(100_000)).toBe(2);
  log.takeLast(file, process.hrtime.bigint(), 50 * MIB);
  expect(readings).toHaveLength(3);
});
