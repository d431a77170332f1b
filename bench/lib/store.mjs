/** What benches read in the stores of a run directory, by the layout in src/recording/wire.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  EVENT,
  EVENT_TYPE,
  FRAME_ADDRESS_MASK,
  FRAME_JS,
  FRAME_V8_CODE,
  HEADER,
  MODULE,
  NODE,
  REGION,
  REGIONS,
  SITE,
} from '../../dist/recording/wire.js';

/** `MP_SITE_STACK_*` in native/src/wire.h. */
const STACK_TRUNCATED = 1;
const STACK_BROKEN = 2;

/** Frames of the stack that last allocated a block of so many bytes, in any process of the run; 0 if no event tells. */
export function framesAbove(directory, blockBytes) {
  return Math.max(0, ...stores(directory).map((store) => lastDepth(store, blockBytes)));
}

/**
 * Each call path that was sampled, in all processes of the run. `modules` has the path of each frame's binary, the leaf first; '' is JavaScript
 * and V8's code.
 *
 * @returns {{ samples: number, reachesRoot: boolean, truncated: boolean, modules: string[] }[]}
 */
export function sampledStacks(directory) {
  return stores(directory).flatMap((store) => {
    const [nodes, sites] = ['nodes', 'sites'].map((name) => region(store, name));
    const moduleAt = moduleFinder(store);
    return Array.from({ length: Math.min(sites.used, sites.capacity) }, (_, index) => {
      const site = sites.offset + index * sites.bytes;
      const modules = [];
      for (let node = store.readUInt32LE(site + SITE.node); node !== 0; ) {
        const at = nodes.offset + node * nodes.bytes;
        modules.push(moduleAt(store.readBigUInt64LE(at + NODE.frame)));
        node = store.readUInt32LE(at + NODE.parent);
      }
      const flags = store.readUInt16LE(site + SITE.flags);
      return {
        samples: Number(store.readBigUInt64LE(site + SITE.samples)),
        reachesRoot: (flags & (STACK_BROKEN | STACK_TRUNCATED)) === 0,
        truncated: (flags & STACK_TRUNCATED) !== 0,
        modules,
      };
    });
  });
}

function stores(directory) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.store'))
    .map((name) => readFileSync(join(directory, name)));
}

function moduleFinder(store) {
  const [table, strings] = ['modules', 'strings'].map((name) => region(store, name));
  const modules = Array.from({ length: Math.min(table.used, table.capacity) }, (_, index) => {
    const at = table.offset + index * table.bytes;
    const string = strings.offset + store.readUInt32LE(at + MODULE.path);
    return {
      start: store.readBigUInt64LE(at + MODULE.start),
      end: store.readBigUInt64LE(at + MODULE.end),
      path: store.toString('utf8', string + 4, string + 4 + store.readUInt32LE(string)),
    };
  });
  return (frame) => {
    if (frame & (FRAME_JS | FRAME_V8_CODE)) return '';
    const pc = (frame & FRAME_ADDRESS_MASK) - 1n;
    return modules.find(({ start, end }) => start <= pc && pc < end)?.path ?? '(unknown)';
  };
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
