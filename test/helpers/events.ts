import { EVENT } from '../../src/recording/wire.ts';

/** An event of the store. What is left out is 0. */
export interface EventRecord {
  readonly ticket?: number;
  readonly timeNs?: number | bigint;
  readonly type: number;
  readonly heap: number;
  readonly tid?: number;
  readonly site: number;
  readonly tag?: number;
  readonly address?: number | bigint;
  readonly size: number;
  readonly weight: number;
}

export function encodeEvents(events: readonly EventRecord[]): Buffer {
  const data = Buffer.alloc(events.length * EVENT.bytes);
  for (const [index, event] of events.entries()) {
    const at = index * EVENT.bytes;
    data.writeBigUInt64LE(BigInt(event.ticket ?? 0), at + EVENT.ticket);
    data.writeBigUInt64LE(BigInt(event.timeNs ?? 0), at + EVENT.timeNs);
    data.writeUInt16LE(event.type, at + EVENT.type);
    data.writeUInt16LE(event.heap, at + EVENT.heap);
    data.writeUInt32LE(event.tid ?? 0, at + EVENT.tid);
    data.writeUInt32LE(event.site, at + EVENT.site);
    data.writeUInt32LE(event.tag ?? 0, at + EVENT.tag);
    data.writeBigUInt64LE(BigInt(event.address ?? 0), at + EVENT.address);
    data.writeBigUInt64LE(BigInt(event.size), at + EVENT.size);
    data.writeDoubleLE(event.weight, at + EVENT.weight);
  }
  return data;
}
