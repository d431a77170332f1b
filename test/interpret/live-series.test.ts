import { describe, expect, test } from 'vitest';
import { createLiveSeries } from '../../src/interpret/live-series.ts';
import { randomNumbers } from '../helpers/random.ts';

const MS = 1_000_000;

describe('live bytes over time', () => {
  test('of few events are all of them', () => {
    const series = createLiveSeries(2);
    const events = [
      [5 * MS, 100],
      [7 * MS, 300],
      [90 * MS, 0],
    ] as const;
    for (const [timeNs, bytes] of events) series.add(1, timeNs, bytes);
    expect(series.read(1)).toEqual({ times: events.map(([time]) => time), values: events.map(([, bytes]) => bytes) });
    expect(series.read(0)).toEqual({ times: [], values: [] });
  });

  test.each([1, 2, 3])('of very many are at most 500, the peak and the last among them (seed %i)', (seed) => {
    const next = randomNumbers(seed);
    const series = createLiveSeries(1);
    let [timeNs, bytes, peak, peakTime] = [1e15, 0, 0, 0];
    for (let i = 0; i < 50_000; i++) {
      timeNs += 1 + next(3 * MS);
      bytes = Math.max(0, bytes + next(2_001) - 1_000);
      if (bytes > peak) [peak, peakTime] = [bytes, timeNs];
      series.add(0, timeNs, bytes);
    }
    const { times, values } = series.read(0);
    expect(times.length).toBeLessThanOrEqual(500);
    expect(times.length).toBeGreaterThan(200);
    expect(values.at(-1)).toBe(bytes);
    expect(times.at(-1)).toBe(timeNs);
    expect(Math.max(...values)).toBe(peak);
    expect(times[values.indexOf(peak)]).toBe(peakTime);
    expect(times.every((time, at) => at === 0 || time > (times[at - 1] ?? 0))).toBe(true);
  });

  test('an event that another thread was late with does not turn time back', () => {
    const series = createLiveSeries(1);
    series.add(0, 10 * MS, 1);
    series.add(0, 30 * MS, 2);
    series.add(0, 29 * MS, 3);
    expect(series.read(0)).toEqual({ times: [10 * MS, 30 * MS], values: [1, 3] });
  });
});
