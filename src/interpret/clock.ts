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
