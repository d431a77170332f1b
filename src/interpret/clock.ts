import type { ProcessRecording } from './process-recording.js';

/**
 * Turns a CLOCK_MONOTONIC time of a process into ns since the Unix epoch. The store's header ties the clocks; without a store, the
 * end of the recording does, to some milliseconds.
 */
export function toUnixNs({ header, endUnixNs, gauges }: ProcessRecording, monotonicNs: bigint): bigint {
  if (header !== undefined) return header.startedUnixNs + (monotonicNs - header.startedMonoNs);
  const last = gauges.at(-1);
  return endUnixNs === 0n || last === undefined ? monotonicNs : endUnixNs + (monotonicNs - last.timeNs);
}

/** When the process was last seen, ns since the Unix epoch. */
export function lastTime(recording: ProcessRecording): bigint {
  const { header, snapshots, gauges } = recording;
  const times = [snapshots.at(-1)?.timeNs ?? 0n, gauges.at(-1)?.timeNs ?? 0n];
  const last = times.reduce((a, b) => (a > b ? a : b));
  return last === 0n ? (header?.startedUnixNs ?? 0n) : toUnixNs(recording, last);
}
