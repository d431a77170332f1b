import { EVENT, EVENT_TYPE } from '../recording/wire.js';

/** Calls `each` with the place of every whole record. */
export function eachEvent(events: Buffer, each: (view: DataView, at: number) => void): void {
  const view = new DataView(events.buffer, events.byteOffset, events.length);
  for (let at = 0; at + EVENT.bytes <= events.length; at += EVENT.bytes) each(view, at);
}

/** Memory that came, that went, or an event that is about neither. */
export function signOf(type: number): -1 | 0 | 1 {
  if (type === EVENT_TYPE.alloc || type === EVENT_TYPE.commit) return 1;
  return type === EVENT_TYPE.free || type === EVENT_TYPE.decommit || type === EVENT_TYPE.backing ? -1 : 0;
}

/** Exact up to 2^53. */
export function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

/** A zero-byte block stands for itself with the weight of one byte; anything else in these fields was not written by us. */
export const isWeight = (weightBytes: number, sizeBytes: number): boolean =>
  weightBytes >= Math.max(sizeBytes, 1) && weightBytes < 2 ** 63;
