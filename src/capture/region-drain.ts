import { CHUNK } from '../recording/chunks.js';
import { REGIONS, type RegionName } from '../recording/wire.js';
import type { RecordingFile } from './recording-writer.js';
import { readRecords, type StoreHeader, type StoreRegion } from './store-reader.js';

/** Copies the regions of one store that only grow into its recording. */
export interface RegionDrain {
  /** The records that are new since the last call. */
  drain(out: RecordingFile, from: StoreHeader): void;
  /** Once more the tags whose counters, budget or release have changed since they were written. */
  refreshTags(out: RecordingFile, from: StoreHeader): void;
}

/** Dependencies first: a record refers to records of regions before its own. */
const GROWING = ['strings', 'modules', 'functions', 'nodes', 'tags'] as const satisfies readonly RegionName[];
const INCREMENT_BYTES = 1 << 20;

export function createRegionDrain(fd: number): RegionDrain {
  const drained = { strings: 0, modules: 0, functions: 0, nodes: 0, tags: 0 };
  /** The tags as they are in the recording. */
  let written = Buffer.alloc(0);

  function append(out: RecordingFile, name: RegionName, first: number, records: Buffer): boolean {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(REGIONS.indexOf(name), 0);
    head.writeBigUInt64LE(BigInt(first), 8);
    return out.append(CHUNK.region, [head, records]);
  }

  function drainOne(out: RecordingFile, name: (typeof GROWING)[number], region: StoreRegion): boolean {
    const step = Math.max(1, Math.floor(INCREMENT_BYTES / region.recordBytes));
    while (drained[name] < region.used) {
      const records = readRecords(fd, region, drained[name], Math.min(step, region.used - drained[name]));
      // Not written: the next poll tries again, and what refers to these records waits too.
      if (records.length === 0 || !append(out, name, drained[name], records)) return false;
      if (name === 'tags') written = Buffer.concat([written, records]);
      drained[name] += records.length / region.recordBytes;
    }
    return true;
  }

  return {
    drain(out, from) {
      for (const name of GROWING) if (!drainOne(out, name, from.regions[name])) return;
    },
    refreshTags(out, from) {
      const size = from.regions.tags.recordBytes;
      const now = readRecords(fd, from.regions.tags, 0, Math.min(drained.tags, from.regions.tags.used));
      const isChanged = (at: number): boolean => now.compare(written, at, at + size, at, at + size) !== 0;
      for (let at = 0; at < now.length; at += size) {
        if (!isChanged(at)) continue;
        const first = at;
        while (at + size < now.length && isChanged(at + size)) at += size;
        const records = now.subarray(first, at + size);
        if (!append(out, 'tags', first / size, records)) return;
        records.copy(written, first);
      }
    },
  };
}
