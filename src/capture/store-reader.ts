import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import {
  COUNTERS,
  EVENT,
  FUNCTION,
  HEADER,
  HEADER_BYTES,
  LIVE,
  MAPPING,
  MODULE,
  NODE,
  REGION,
  REGIONS,
  type RegionName,
  SITE,
  TAG,
  WIRE_MAGIC,
} from '../recording/wire.js';

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

/**
 * Reads the header of a store with one pread, or answers undefined: the sampler has not finished making it, or the program has
 * scribbled over it, so that its regions do not lie in the file.
 */
export function readHeader(fd: number): StoreHeader | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES);
  if (readSync(fd, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  if (bytes.readBigUInt64LE(HEADER.magic) !== WIRE_MAGIC) return undefined;
  const { size } = fstatSync(fd);
  const entries = REGIONS.map((name, i) => [name, readRegion(bytes, i, RECORD_BYTES[name], size)] as const);
  if (entries.some(([, region]) => region === undefined)) return undefined;
  return { bytes, regions: Object.fromEntries(entries) as Record<RegionName, StoreRegion> };
}

/** The counter of that name. */
export function readCounter(header: StoreHeader, name: (typeof COUNTERS)[number]): number {
  return readU64(header, HEADER.counters + 8 * COUNTERS.indexOf(name));
}

/** A u64 of the header as a number; what no count or size of ours can be is 0. */
export function readU64(header: StoreHeader, offset: number): number {
  return countOr0(header.bytes.readBigUInt64LE(offset));
}

function countOr0(value: bigint): number {
  return value > Number.MAX_SAFE_INTEGER ? 0 : Number(value);
}

/** What a header says that changes often, without the rest of it. */
export function readTotals(fd: number): { isFrozen: boolean; liveBytes: number; committedBytes: number } {
  const bytes = Buffer.alloc(HEADER.committedBytes + 8 - HEADER.frozenAtNs);
  readSync(fd, bytes, 0, bytes.length, HEADER.frozenAtNs);
  const u64 = (offset: number): bigint => bytes.readBigUInt64LE(offset - HEADER.frozenAtNs);
  return {
    isFrozen: u64(HEADER.frozenAtNs) !== 0n,
    liveBytes: countOr0(u64(HEADER.liveBytes)),
    committedBytes: countOr0(u64(HEADER.committedBytes)),
  };
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

/** Of this version of the store. Strings are measured in bytes; their records vary. */
const RECORD_BYTES: Readonly<Record<RegionName, number>> = {
  strings: 1,
  modules: MODULE.bytes,
  functions: FUNCTION.bytes,
  nodes: NODE.bytes,
  sites: SITE.bytes,
  live: LIVE.bytes,
  mappings: MAPPING.bytes,
  tags: TAG.bytes,
  ring: EVENT.bytes,
};

/** Undefined if the region cannot be one of this file. */
function readRegion(header: Buffer, index: number, recordBytes: number, fileBytes: number): StoreRegion | undefined {
  const at = HEADER.regions + index * REGION.bytes;
  const number = (offset: number): number => Number(header.readBigUInt64LE(at + offset));
  const [offset, capacity, used] = [number(REGION.offset), number(REGION.capacity), number(REGION.used)];
  const isRing = REGIONS[index] === 'ring';
  const isSane =
    header.readUInt32LE(at + REGION.recordBytes) === recordBytes &&
    offset >= HEADER_BYTES &&
    offset + capacity * recordBytes <= fileBytes &&
    // The ring counts all events that ever were.
    used <= (isRing ? Number.MAX_SAFE_INTEGER : capacity);
  return isSane ? { offset, capacity, recordBytes, used } : undefined;
}
