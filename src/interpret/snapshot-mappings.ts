import { SNAPSHOT_HEADER_BYTES } from '../recording/chunks.js';
import { LIVE, MAPPING, SITE } from '../recording/wire.js';

/** What the program mapped itself, committed: `[start, end)`, 48 bits. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** The committed ranges of a SNAPSHOT payload, by address. */
export function mappingsOf(payload: Buffer): AddressRange[] {
  if (payload.length < SNAPSHOT_HEADER_BYTES) return [];
  const count = (at: number): number => Number(payload.readBigUInt64LE(at));
  const first = SNAPSHOT_HEADER_BYTES + count(16) * SITE.bytes + count(24) * LIVE.bytes;
  const end = Math.min(payload.length - MAPPING.bytes, first + (count(32) - 1) * MAPPING.bytes);
  const ranges: AddressRange[] = [];
  for (let at = first; at <= end; at += MAPPING.bytes) {
    if (count(at + MAPPING.committed) === 0) continue;
    ranges.push({ start: count(at + MAPPING.start), end: count(at + MAPPING.end) });
  }
  return ranges.sort((a, b) => a.start - b.start);
}
