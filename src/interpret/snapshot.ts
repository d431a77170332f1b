import { SNAPSHOT_HEADER_BYTES } from '../recording/chunks.js';
import { LIVE, MAPPING, SITE } from '../recording/wire.js';
import { createUseTable, type SiteUse } from './site-use.js';

/** A site's fixed facts and what was ever allocated there. */
export interface SiteRecord {
  readonly node: number;
  readonly heap: number;
  readonly arena: bigint;
  readonly tid: number;
  readonly flags: number;
  /** The context; 0: none. */
  readonly tag: number;
  /** Index into `TAG_SOURCES`. */
  readonly tagSource: number;
  readonly samples: number;
  readonly allocObjects: number;
  readonly allocBytes: number;
  readonly allocObjectsVariance: number;
  readonly allocBytesVariance: number;
}

/** A SNAPSHOT chunk, its tables summed up by site. */
export interface SnapshotContent {
  readonly sites: readonly SiteRecord[];
  readonly inUse: Map<number, SiteUse>;
  /** Records that make no sense: they are left out. */
  readonly badRecords: number;
}

/** Reads a SNAPSHOT payload. Counts that do not fit into it are cut to what is there. */
export function readSnapshot(payload: Buffer): SnapshotContent {
  if (payload.length < SNAPSHOT_HEADER_BYTES) return { sites: [], inUse: new Map(), badRecords: 1 };
  const siteTable = payload.subarray(SNAPSHOT_HEADER_BYTES);
  const siteCount = countOf(payload, 16, siteTable, SITE.bytes);
  const liveTable = siteTable.subarray(siteCount * SITE.bytes);
  const liveCount = countOf(payload, 24, liveTable, LIVE.bytes);
  const mappingTable = liveTable.subarray(liveCount * LIVE.bytes);
  const mappingCount = countOf(payload, 32, mappingTable, MAPPING.bytes);

  const sites: SiteRecord[] = [];
  for (let index = 0; index < siteCount; index++) sites.push(readSite(siteTable, index * SITE.bytes));
  const inUse = createUseTable();
  let badRecords = 0;

  const live = viewOf(liveTable);
  for (let at = 0; at < liveCount * LIVE.bytes; at += LIVE.bytes) {
    if (u64(live, at + LIVE.address) === 0) continue;
    const sizeBytes = u64(live, at + LIVE.size);
    const weightBytes = live.getFloat64(at + LIVE.weight, true);
    const site = live.getUint32(at + LIVE.site, true);
    const isSane = weightBytes >= Math.max(sizeBytes, 1) && weightBytes < 2 ** 63 && site < sites.length;
    if (isSane) inUse.addSampled(inUse.rowOf(site), sizeBytes, weightBytes, 1);
    else badRecords++;
  }
  for (let at = 0; at < mappingCount * MAPPING.bytes; at += MAPPING.bytes) {
    const bytes = mappingTable.readBigUInt64LE(at + MAPPING.end) - mappingTable.readBigUInt64LE(at + MAPPING.start);
    const committed = mappingTable.readBigUInt64LE(at + MAPPING.committed);
    if (committed === 0n) continue;
    const site = mappingTable.readUInt32LE(at + MAPPING.site);
    if (committed <= bytes && site < sites.length) inUse.addExact(inUse.rowOf(site), Number(committed), 1);
    else badRecords++;
  }
  return { sites, inUse: inUse.collect(), badRecords };
}

const viewOf = (table: Buffer): DataView => new DataView(table.buffer, table.byteOffset, table.length);

/** Exact up to 2^53; beyond, only 0 and not 0 matter. */
const u64 = (data: DataView, at: number): number => data.getUint32(at, true) + data.getUint32(at + 4, true) * 2 ** 32;

function countOf(payload: Buffer, at: number, table: Buffer, recordBytes: number): number {
  const said = payload.readBigUInt64LE(at);
  const possible = Math.floor(table.length / recordBytes);
  return said > BigInt(possible) ? possible : Number(said);
}

function readSite(data: Buffer, at: number): SiteRecord {
  const samples = Number(data.readBigUInt64LE(at + SITE.samples));
  const f64 = (offset: number): number => {
    const value = data.readDoubleLE(at + offset);
    // Without samples, what is left of those that were taken back is a rounding error.
    return samples > 0 && value >= 0 && value < 2 ** 200 ? value : 0;
  };
  return {
    node: data.readUInt32LE(at + SITE.node),
    heap: data.readUInt8(at + SITE.heap),
    arena: data.readBigUInt64LE(at + SITE.arena),
    tid: data.readUInt32LE(at + SITE.tid),
    flags: data.readUInt16LE(at + SITE.flags),
    tag: data.readUInt32LE(at + SITE.tag),
    tagSource: data.readUInt8(at + SITE.tagSource),
    samples,
    allocObjects: f64(SITE.allocObjects),
    allocBytes: f64(SITE.allocBytes),
    allocObjectsVariance: f64(SITE.allocObjectsVariance),
    allocBytesVariance: f64(SITE.allocBytesVariance),
  };
}
