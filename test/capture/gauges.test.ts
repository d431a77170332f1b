import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createGaugeClock } from '../../src/capture/gauge-clock.ts';
import { openMemoryStatus, parseStat, parseStatus } from '../../src/capture/memory-status.ts';
import { createRecordingFile } from '../../src/capture/recording-writer.ts';
import { createSeriesLog } from '../../src/capture/series-log.ts';
import { createSeriesTable } from '../../src/interpret/series.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { readChunks } from './read-chunks.ts';

const MIB = 1 << 20;
const folder = temporaryDirectory('gauges');

test('looks every 10 ms while memory moves, every 50 ms while it does not', () => {
  const clock = createGaugeClock();
  const delays = [0, 0, 0, 0, 2 * MIB, 0].map((movedBytes) => {
    clock.looked(1_000, movedBytes);
    return clock.delayMs();
  });
  expect(delays).toEqual([20, 40, 50, 50, 10, 20]);
});

test('a look that is dear is rare: half a percent of a processor', () => {
  const clock = createGaugeClock();
  for (let i = 0; i < 100; i++) clock.looked(5_000_000, MIB);
  expect(clock.delayMs()).toBeGreaterThanOrEqual(1_000);
  for (let i = 0; i < 100; i++) clock.looked(1_000, MIB);
  expect(clock.delayMs()).toBe(10);
});

test('a week is less than half a million looks', () => {
  const clock = createGaugeClock();
  let looks = 0;
  for (let ms = 0; ms < 7 * 86_400_000; ms += clock.delayMs(), looks++) clock.looked(1_000, MIB);
  expect(looks).toBeLessThan(1_000_000);
  expect(clock.delayMs()).toBeGreaterThan(1_000);
});

test("a program's name may look like fields of /proc/PID/stat", () => {
  const fields = 'S 1 2 3 4 -1 4194304 1701 55 13 7 0 0 0 0 20 0 1 0 1 1 1 1';
  expect(parseStat(`77 (a) S 9 9) ${fields}`)).toEqual({ minor: 1701, major: 13 });
  expect(parseStat('77 (a)')).toBeUndefined();
  expect(parseStat(undefined)).toBeUndefined();
});

test('sizes of /proc/PID/status are bytes; what the kernel does not have is 0', () => {
  const text =
    'Name:\tVmRSS: 5\nVmPTE:\t      84 kB\nVmSwap:\t     12 kB\nVmRSS:\t   43776 kB\nRssAnon:\t    7188 kB\n';
  expect(parseStatus(text)).toEqual({
    rssBytes: 43_776 * 1024,
    anonBytes: 7_188 * 1024,
    fileBytes: 0,
    shmemBytes: 0,
    swapBytes: 12 * 1024,
    pageTableBytes: 84 * 1024,
  });
});

test('faults and sizes of a live process are those that it counts itself', () => {
  const status = openMemoryStatus(process.pid);
  const before = process.resourceUsage();
  const faults = status.faults();
  const after = process.resourceUsage();
  expect(faults?.minor).toBeGreaterThanOrEqual(before.minorPageFault);
  expect(faults?.minor).toBeLessThanOrEqual(after.minorPageFault);
  expect(faults?.major).toBeGreaterThanOrEqual(before.majorPageFault);
  expect(faults?.major).toBeLessThanOrEqual(after.majorPageFault);
  expect(status.memory()?.rssBytes).toBeGreaterThan(8 * MIB);
  status.close();
  expect(status.memory()).toBeUndefined();
});

test('a process that never was has nothing to show', () => {
  const status = openMemoryStatus(0x7fff_fff0);
  expect(status.memory()).toBeUndefined();
  expect(status.faults()).toBeUndefined();
  status.close();
});

test('a series comes back as it was: rows that repeat are left out, how long they held is not', () => {
  const log = createSeriesLog([
    { name: 'major_faults', unit: 'count' },
    { name: 'swap', unit: 'bytes' },
  ]);
  const out = createRecordingFile(folder, 'series', (cause) => {
    throw cause;
  });
  const rows: [bigint, number, number | undefined][] = [
    [1_000n, 5, 100],
    [2_000n, 5, 100],
    [3_000n, 5, 100],
    [4_000n, 6, undefined],
    [5_000n, 6, undefined],
  ];
  for (const [timeNs, ...values] of rows) log.add(timeNs, values);
  log.flush(out, 6_000n, false);
  log.add(7_000n, [2 ** 53 - 1, 0.5]);
  log.flush(out, 8_000n, false); // not due
  log.flush(out, 9_000n, true);
  log.flush(out, 9_000n, true); // nothing is left
  out.close();

  const chunks = readChunks(join(folder, 'series.mpr')).filter(({ type }) => type === CHUNK.series);
  expect(chunks).toHaveLength(2);
  const table = createSeriesTable();
  for (const { payload } of chunks) expect(table.add(payload)).toBe(true);
  expect(table.all()).toEqual([
    {
      name: 'major_faults',
      unit: 'count',
      times: [1_000, 3_000, 4_000, 5_000, 7_000],
      values: [5, 5, 6, 6, 2 ** 53 - 1],
    },
    { name: 'swap', unit: 'bytes', times: [1_000, 3_000, 7_000], values: [100, 100, 0.5] },
  ]);
});
