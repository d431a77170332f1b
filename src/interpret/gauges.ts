import type { Gauge } from '../model/profile.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';

/**
 * The series of a recording: resident bytes, and what the sampler counts.
 * @param codeRangeBytes addresses that V8 reserved for code when it started: in `committed`, and no memory.
 */
export function gaugesOf(recording: ProcessRecording, codeRangeBytes: number): Gauge[] {
  const { header, identity } = recording;
  // A process that is just gone has a line in /proc without sizes.
  const gauges = recording.gauges.filter((point) => point.rssBytes > 0);
  if (gauges.length === 0) return [];
  const series = (name: string, pick: (point: (typeof gauges)[number]) => number): Gauge => ({
    name,
    unit: 'bytes',
    pid: identity.pid,
    points: gauges.map((point) => ({ timeNs: toUnixNs(recording, point.timeNs), value: pick(point) })),
  });
  const system = [series('rss', (point) => point.rssBytes), series('anonymous', (point) => point.anonBytes)];
  if (header === undefined) return system;
  return [
    ...system,
    series('malloc_live_estimate', (point) => point.liveBytes),
    series('mmap_committed', ({ committedBytes }) =>
      committedBytes >= codeRangeBytes ? committedBytes - codeRangeBytes : committedBytes,
    ),
  ];
}
