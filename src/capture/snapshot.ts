import { SNAPSHOT_HEADER_BYTES, SNAPSHOT_REASONS, type SnapshotReason } from '../recording/chunks.js';
import { LIVE, MAPPING } from '../recording/wire.js';
import { readRecords, type StoreHeader, type StoreRegion } from './store-reader.js';

/** How often slots that changed under our hands are read again, before they are left out. */
const RETRIES = 3;

/** The tables of a store at one moment, as the payload of a SNAPSHOT chunk. */
export interface Snapshot {
  readonly payload: readonly Buffer[];
  /** Slots that kept changing and are left out. */
  readonly missedSlots: number;
}

/**
 * Copies sites, live samples and mappings. The process may be running: a slot counts only if two reads agree on it and
 * its sequence number is even (the writer holds it odd). A slot that is odd after death was being written at that
 * instruction.
 * @param complete the process is dead or frozen, so that nothing moves.
 */
export function takeSnapshot(
  fd: number,
  header: StoreHeader,
  reason: SnapshotReason,
  complete: boolean,
  timeNs: bigint,
): Snapshot {
  const { sites, live, mappings } = header.regions;
  // Slots first: a slot's site is always older than the slot, so it is among the sites that are read after it.
  const liveSlots = readSlots(
    fd,
    live,
    LIVE.sequence,
    (slots, at) => slots.readBigUInt64LE(at + LIVE.address) !== 0n,
    complete,
  );
  const mappingSlots = readSlots(
    fd,
    mappings,
    MAPPING.sequence,
    (slots, at) => slots.readBigUInt64LE(at + MAPPING.end) !== 0n,
    complete,
  );
  const siteRecords = readRecords(fd, sites, 0, sites.used);
  const head = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
  head.writeUInt32LE(SNAPSHOT_REASONS.indexOf(reason), 0);
  head.writeUInt32LE(complete ? 1 : 0, 4);
  head.writeBigUInt64LE(timeNs, 8);
  head.writeBigUInt64LE(BigInt(siteRecords.length / sites.recordBytes), 16);
  head.writeBigUInt64LE(BigInt(liveSlots.records.length / live.recordBytes), 24);
  head.writeBigUInt64LE(BigInt(mappingSlots.records.length / mappings.recordBytes), 32);
  return {
    payload: [head, siteRecords, liveSlots.records, mappingSlots.records],
    missedSlots: liveSlots.missed + mappingSlots.missed,
  };
}

function readSlots(
  fd: number,
  region: StoreRegion,
  sequenceOffset: number,
  isUsed: (slots: Buffer, at: number) => boolean,
  isStill: boolean,
): { records: Buffer; missed: number } {
  const size = region.recordBytes;
  const first = readRecords(fd, region, 0, region.used);
  const records: Buffer[] = [];
  const unsettled: number[] = [];
  const isEven = (slots: Buffer, at: number): boolean => slots.readUInt32LE(at + sequenceOffset) % 2 === 0;
  const second = isStill ? first : readRecords(fd, region, 0, region.used);
  let missed = 0;
  for (let at = 0; at + size <= first.length; at += size) {
    const settled = isEven(first, at) && (isStill || first.compare(second, at, at + size, at, at + size) === 0);
    if (settled && isUsed(first, at)) records.push(first.subarray(at, at + size));
    else if (!settled) unsettled.push(at / size);
  }
  for (const slot of unsettled) {
    const record = isStill ? undefined : readSettled(fd, region, slot, isEven);
    if (record === undefined) missed++;
    else if (isUsed(record, 0)) records.push(record);
  }
  return { records: Buffer.concat(records), missed };
}

function readSettled(
  fd: number,
  region: StoreRegion,
  slot: number,
  isEven: (slots: Buffer, at: number) => boolean,
): Buffer | undefined {
  for (let attempt = 0; attempt < RETRIES; attempt++) {
    const before = readRecords(fd, region, slot, 1);
    const after = readRecords(fd, region, slot, 1);
    if (before.length > 0 && isEven(before, 0) && before.equals(after)) return before;
  }
  return undefined;
}
