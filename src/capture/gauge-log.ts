import { CHUNK, GAUGE_POINT_BYTES } from '../recording/chunks.js';
import type { MemoryGauges } from './memory-status.js';
import type { RecordingFile } from './recording-writer.js';

/** Points of the time series that are not on disk yet. */
export interface GaugeLog {
  add(nowNs: bigint, memory: MemoryGauges, liveBytes: number, committedBytes: number): void;
  /** Writes one GAUGES chunk a second, or at once if forced. */
  flush(out: RecordingFile, nowNs: bigint, force: boolean): void;
}

const FLUSH_EVERY_NS = 1_000_000_000n;

export function createGaugeLog(): GaugeLog {
  let points: Buffer[] = [];
  let dueNs = 0n;
  return {
    add(nowNs, memory, liveBytes, committedBytes) {
      const point = Buffer.alloc(GAUGE_POINT_BYTES);
      const values = [
        memory.rssBytes,
        memory.anonBytes,
        memory.fileBytes,
        memory.shmemBytes,
        liveBytes,
        committedBytes,
      ];
      point.writeBigUInt64LE(nowNs, 0);
      values.forEach((value, i) => {
        point.writeBigUInt64LE(BigInt(value), 8 * (i + 1));
      });
      points.push(point);
    },
    flush(out, nowNs, force) {
      if (points.length === 0 || (!force && nowNs < dueNs)) return;
      dueNs = nowNs + FLUSH_EVERY_NS;
      const count = Buffer.alloc(8);
      count.writeBigUInt64LE(BigInt(points.length));
      // On a full disk the points are gone: keeping them would let memory grow.
      out.append(CHUNK.gauges, [count, ...points]);
      points = [];
    },
  };
}
