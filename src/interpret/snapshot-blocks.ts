import { SNAPSHOT_HEADER_BYTES } from '../recording/chunks.js';
import { LIVE, SITE } from '../recording/wire.js';

/** The live samples of a SNAPSHOT payload at sites that are wanted, by address (48 bits). */
export function liveBlocks(
  payload: Buffer,
  isWanted: (site: number) => boolean,
): { readonly address: number; readonly site: number }[] {
  if (payload.length < SNAPSHOT_HEADER_BYTES) return [];
  const count = (at: number): number => Number(payload.readBigUInt64LE(at));
  const first = SNAPSHOT_HEADER_BYTES + count(16) * SITE.bytes;
  const end = Math.min(payload.length - LIVE.bytes, first + (count(24) - 1) * LIVE.bytes);
  const blocks: { address: number; site: number }[] = [];
  for (let at = first; at <= end; at += LIVE.bytes) {
    const site = payload.readUInt32LE(at + LIVE.site);
    if (!isWanted(site)) continue;
    const address = count(at + LIVE.address);
    if (address !== 0) blocks.push({ address, site });
  }
  return blocks.sort((a, b) => a.address - b.address);
}
