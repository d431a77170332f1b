import { expect, test } from 'vitest';
import type { GaugePoint } from '../../src/interpret/process-recording.ts';
import { sampledLiveAt } from '../../src/interpret/sampled-live.ts';

const point = (timeNs: bigint, liveBytes: number): GaugePoint => ({
  ...{ timeNs, rssBytes: 0, anonBytes: 0, committedBytes: 0 },
  liveBytes,
});
// What the gauge counts besides malloc's blocks, 7 bytes here, is none of the difference.
const GAUGES = [point(0n, 107), point(10n, 1007), point(20n, 407), point(30n, 57)];
const LIVE = { bytes: 100, deviationBytes: 10 };

test('a snapshot before 900 bytes more were allocated says 900 bytes too little', () => {
  expect(sampledLiveAt(LIVE, 1n, 11n, GAUGES)).toEqual({ bytes: 1000, deviationBytes: 10 * Math.sqrt(10) });
  expect(sampledLiveAt(LIVE, 1n, 19n, GAUGES)).toEqual({ bytes: 400, deviationBytes: 20 });
});

test('its error bar does not shrink with what was freed', () => {
  expect(sampledLiveAt(LIVE, 0n, 40n, GAUGES)).toEqual({ bytes: 50, deviationBytes: 10 });
  expect(sampledLiveAt({ bytes: 10, deviationBytes: 3 }, 10n, 30n, GAUGES)).toEqual({ bytes: 0, deviationBytes: 3 });
});

test('without gauges it stands as it is', () => {
  expect(sampledLiveAt(LIVE, 0n, 40n, [])).toEqual(LIVE);
});
