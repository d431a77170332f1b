import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import {
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
  WIRE_VERSION,
} from '../../src/recording/wire.ts';

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

/** A store file that a test fills by hand. */
export interface FakeStore {
  readonly path: string;
  setHeader(offset: number, value: bigint): void;
  setUsed(region: RegionName, used: number): void;
  write(region: RegionName, record: number, bytes: Buffer): void;
  /** Writes event `number` where the sampler would, with its ticket. */
  writeEvent(number: number, ticket?: number): void;
  close(): void;
}

export function makeFakeStore(path: string, capacity: number): FakeStore {
  const fd = openSync(path, 'wx+');
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeBigUInt64LE(WIRE_MAGIC, HEADER.magic);
  header.writeUInt32LE(WIRE_VERSION, HEADER.version);
  header.writeUInt32LE(HEADER_BYTES, HEADER.headerBytes);
  header.write('fake', HEADER.comm);
  const offsets = {} as Record<RegionName, number>;
  let offset = HEADER_BYTES;
  for (const [i, name] of REGIONS.entries()) {
    const at = HEADER.regions + i * REGION.bytes;
    offsets[name] = offset;
    header.writeBigUInt64LE(BigInt(offset), at + REGION.offset);
    header.writeBigUInt64LE(BigInt(capacity), at + REGION.capacity);
    header.writeUInt32LE(RECORD_BYTES[name], at + REGION.recordBytes);
    offset += Math.ceil((capacity * RECORD_BYTES[name]) / 8) * 8;
  }
  ftruncateSync(fd, offset);
  writeSync(fd, header, 0, HEADER_BYTES, 0);

  const word = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  };
  const store: FakeStore = {
    path,
    setHeader: (at, value) => void writeSync(fd, word(value), 0, 8, at),
    setUsed: (name, used) =>
      store.setHeader(HEADER.regions + REGIONS.indexOf(name) * REGION.bytes + REGION.used, BigInt(used)),
    write: (name, record, bytes) =>
      void writeSync(fd, bytes, 0, bytes.length, offsets[name] + record * RECORD_BYTES[name]),
    writeEvent(number, ticket = number + 1) {
      const event = Buffer.alloc(EVENT.bytes);
      event.writeBigUInt64LE(BigInt(ticket), EVENT.ticket);
      event.writeBigUInt64LE(BigInt(number) * 1009n, EVENT.timeNs);
      store.write('ring', number % capacity, event);
    },
    close: () => closeSync(fd),
  };
  return store;
}
