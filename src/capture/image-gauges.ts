import { createCgroupLog } from './cgroup-log.js';
import { isInOurCgroup } from './cgroup-place.js';
import { createGaugeLog } from './gauge-log.js';
import { type MemoryGauges, openMemoryStatus } from './memory-status.js';
import { createNumaLog } from './numa.js';
import type { RecordingFile } from './recording-writer.js';
import { createSeriesLog } from './series-log.js';

/** What the sampler of a process counts. */
export interface SampledBytes {
  readonly liveBytes: number;
  readonly committedBytes: number;
}

/** The time series of one process. */
export interface ImageGauges {
  /** Takes a point of resident and live bytes. Returns how far one of them has moved since the point before. */
  look(nowNs: bigint, sampled: SampledBytes): number;
  /** Takes a point of what may be looked at less often. */
  tick(nowNs: bigint): void;
  flush(out: RecordingFile, nowNs: bigint, force: boolean): void;
  /** As last seen; undefined if it never was. */
  memory(): MemoryGauges | undefined;
  close(): void;
}

/**
 * @param isVisible the process is to be found under its pid in our /proc.
 * @param isMain its control group is recorded; that of others only where it is not memprof's own.
 */
export function createImageGauges(pid: number, isVisible: boolean, isMain: boolean): ImageGauges {
  const status = isVisible ? openMemoryStatus(pid) : undefined;
  const cgroup = isVisible && (isMain || !isInOurCgroup(pid)) ? createCgroupLog(pid) : undefined;
  const numa = isVisible ? createNumaLog(pid) : undefined;
  const points = createGaugeLog();
  const faults = createSeriesLog([
    { name: 'minor_faults', unit: 'count' },
    { name: 'major_faults', unit: 'count' },
  ]);
  const sizes = createSeriesLog([
    { name: 'swap', unit: 'bytes' },
    { name: 'page_tables', unit: 'bytes' },
  ]);
  let memory: MemoryGauges | undefined;
  let before = [0, 0, 0];

  return {
    look(nowNs, { liveBytes, committedBytes }) {
      const next = status?.memory();
      // Of a process that is just gone there is a file without sizes.
      if (next === undefined || next.rssBytes === 0) return 0;
      memory = next;
      points.add(nowNs, next, liveBytes, committedBytes);
      const now = [next.rssBytes, liveBytes, committedBytes];
      const moved = now.map((value, i) => Math.abs(value - (before[i] ?? 0)));
      before = now;
      return Math.max(...moved);
    },
    tick(nowNs) {
      const counts = status?.faults();
      if (counts !== undefined) faults.add(nowNs, [counts.minor, counts.major]);
      if (memory !== undefined) sizes.add(nowNs, [memory.swapBytes, memory.pageTableBytes]);
      cgroup?.tick(nowNs);
      numa?.tick(nowNs, memory?.rssBytes ?? 0);
    },
    flush(out, nowNs, force) {
      for (const log of [points, faults, sizes, cgroup, numa]) log?.flush(out, nowNs, force);
    },
    memory: () => memory,
    close() {
      status?.close();
      cgroup?.close();
    },
  };
}
