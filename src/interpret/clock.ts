import type { Header } from './header.js';

/** Turns CLOCK_MONOTONIC times of a process into ns since the Unix epoch. */
export function toUnixNs(header: Header | undefined, monotonicNs: bigint): bigint {
  return header === undefined ? monotonicNs : header.startedUnixNs + (monotonicNs - header.startedMonoNs);
}
