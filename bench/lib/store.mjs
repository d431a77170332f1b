/** What benches read in the stores of a run directory, by the layout in src/recording/wire.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT, EVENT_TYPE, HEADER, NODE, REGION, REGIONS, SITE } from '../../dist/recording/wire.js';

/** Frames of the stack that last allocated a block of so many bytes, in any process of the run; 0 if no event tells. */
export function framesAbove(directory, blockBytes) {
  const stores = readdirSync(directory).filter((name) => name.endsWith('.store'));
  return Math.max(0, ...stores.map((name) => lastDepth(readFileSync(join(directory, name)), blockBytes)));
}

function lastDepth(store, blockBytes) {
  const [nodes, sites, ring] = ['nodes', 'sites', 'ring'].map((name) => region(store, name));
  for (let number = ring.used - 1; number >= Math.max(0, ring.used - ring.capacity); number--) {
    const event = ring.offset + (number % ring.capacity) * ring.bytes;
    const isAlloc = store.readUInt16LE(event + EVENT.type) === EVENT_TYPE.alloc;
    if (!isAlloc || Number(store.readBigUInt64LE(event + EVENT.size)) !== blockBytes) continue;
    const node = store.readUInt32LE(sites.offset + store.readUInt32LE(event + EVENT.site) * sites.bytes + SITE.node);
    return store.readUInt32LE(nodes.offset + node * nodes.bytes + NODE.depth);
  }
  return 0;
}

function region(store, name) {
  const at = HEADER.regions + REGIONS.indexOf(name) * REGION.bytes;
  return {
    offset: Number(store.readBigUInt64LE(at)),
    capacity: Number(store.readBigUInt64LE(at + REGION.capacity)),
    bytes: store.readUInt32LE(at + REGION.recordBytes),
    used: Number(store.readBigUInt64LE(at + REGION.used)),
  };
}
