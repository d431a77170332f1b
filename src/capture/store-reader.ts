import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { COUNTERS, HEADER, HEADER_BYTES, REGION, REGIONS, type RegionName, WIRE_MAGIC } from '../recording/wire.js';

/** One region of a store as its header describes it; counts are records (bytes for strings). */
export interface StoreRegion {
  readonly offset: number;
  readonly capacity: number;
  readonly recordBytes: number;
  readonly used: number;
}

export interface StoreHeader {
  /** The 4,096 bytes as they are. */
  readonly bytes: Buffer;
  readonly regions: Readonly<Record<RegionName, StoreRegion>>;
}

/** Reads the header of a store with one pread, or answers undefined: the sampler has not finished making it. */
export function readHeader(fd: number): StoreHeader | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES);
  if (readSync(fd, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  if (bytes.readBigUInt64LE(HEADER.magic) !== WIRE_MAGIC) return undefined;
  const regions = Object.fromEntries(REGIONS.map((name, i) => [name, readRegion(bytes, i)]));
  return { bytes, regions: regions as Record<RegionName, StoreRegion> };
}

/** The counter of that name. */
export function readCounter(header: StoreHeader, name: (typeof COUNTERS)[number]): number {
  return readU64(header, HEADER.counters + 8 * COUNTERS.indexOf(name));
}

/** A u64 of the header as a number: exact up to 2^53. */
export function readU64(header: StoreHeader, offset: number): number {
  return Number(header.bytes.readBigUInt64LE(offset));
}

/** Copies `count` records from `first` on. Fewer come back only if the file is shorter than its header says. */
export function readRecords(fd: number, region: StoreRegion, first: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count * region.recordBytes);
  const start = region.offset + first * region.recordBytes;
  let at = 0;
  while (at < bytes.length) {
    const got = readSync(fd, bytes, at, bytes.length - at, start + at);
    if (got === 0) break;
    at += got;
  }
  return bytes.subarray(0, at - (at % region.recordBytes));
}

/**
 * Announces to the sampler that nobody reads its store any more: it stops recording. For processes that outlive the
 * run.
 * @param nowNs CLOCK_MONOTONIC.
 */
export function freezeStore(path: string, nowNs: bigint): void {
  const fd = openSync(path, 'r+');
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(nowNs);
  writeSync(fd, word, 0, 8, HEADER.frozenAtNs);
  closeSync(fd);
}

function readRegion(header: Buffer, index: number): StoreRegion {
  const at = HEADER.regions + index * REGION.bytes;
  const number = (offset: number): number => Number(header.readBigUInt64LE(at + offset));
  const capacity = number(REGION.capacity);
  return {
    offset: number(REGION.offset),
    capacity,
    // Strings are measured in bytes; their records vary.
    recordBytes: Math.max(1, header.readUInt32LE(at + REGION.recordBytes)),
    used: number(REGION.used),
  };
}
