import type { Gauge } from '../model/profile.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';
import { decimate, type Series } from './series.js';

/** Of each series. */
const MAX_POINTS = 2_000;

/**
 * The series of a recording: resident bytes, what the sampler counts, and what the kernel counts besides.
 * @param codeRangeBytes addresses that V8 reserved for code when it started: in `committed`, and no memory.
 */
export function gaugesOf(recording: ProcessRecording, codeRangeBytes: number): Gauge[] {
  const { header } = recording;
  // A process that is just gone has a line in /proc without sizes.
  const points = recording.gauges.filter((point) => point.rssBytes > 0);
  const times = points.map(({ timeNs }) => Number(timeNs));
  const column = (name: string, pick: (point: (typeof points)[number]) => number): Series => ({
    name,
    unit: 'bytes',
    times,
    values: points.map(pick),
  });
  const all = [
    column('rss', (point) => point.rssBytes),
    column('anonymous', (point) => point.anonBytes),
    ...(header === undefined
      ? []
      : [
          column('malloc_live_estimate', (point) => point.liveBytes),
          column('mmap_committed', ({ committedBytes }) =>
            committedBytes >= codeRangeBytes ? committedBytes - codeRangeBytes : committedBytes,
          ),
        ]),
    ...recording.series.all(),
  ];
  return all.filter(({ times }) => times.length > 0).map((series) => gaugeOf(recording, series));
}

function gaugeOf(recording: ProcessRecording, { name, unit, times, values }: Series): Gauge {
  return {
    name,
    unit,
    pid: recording.identity.pid,
    points: decimate(values, MAX_POINTS).map((at) => ({
      timeNs: toUnixNs(recording, BigInt(times[at] ?? 0)),
      value: values[at] ?? 0,
    })),
  };
}
