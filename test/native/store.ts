/** Runs a program under the sampler alone, and reads the stores it left: plain offsets, no product code but the layout. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as wire from '../../src/recording/wire.ts';

export const REPOSITORY = resolve(import.meta.dirname, '../..');
export const SAMPLER = join(REPOSITORY, 'native/build/linux-x64-glibc/libmemprof.so');

export interface Settings {
  meanBytes?: number;
  maxSamplesPerSecond?: number;
  seed?: number;
  flags?: number;
  version?: number;
}

/** A run directory with its control page, as memprof makes it. */
export function makeRunDirectory(settings: Settings = {}, parent = '/dev/shm'): string {
  const directory = mkdtempSync(join(parent, 'memprof-test-'));
  const control = Buffer.alloc(wire.CONTROL.bytes);
  control.writeBigUInt64LE(wire.CONTROL_MAGIC, wire.CONTROL.magic);
  control.writeUInt32LE(settings.version ?? wire.WIRE_VERSION, wire.CONTROL.version);
  control.writeUInt32LE(settings.flags ?? 0, wire.CONTROL.flags);
  control.writeBigUInt64LE(BigInt(settings.meanBytes ?? 65536), wire.CONTROL.meanBytes);
  control.writeBigUInt64LE(BigInt(settings.maxSamplesPerSecond ?? 0), wire.CONTROL.maxSamplesPerSecond);
  control.writeBigUInt64LE(BigInt(settings.seed ?? 20261125), wire.CONTROL.seed);
  writeFileSync(join(directory, 'control'), control);
  return directory;
}

export interface Site {
  node: number;
  heap: number;
  arena: bigint;
  tid: number;
  flags: number;
  tag: number;
  tagSource: number;
  samples: number;
  objects: number;
  bytes: number;
  objectsVariance: number;
  bytesVariance: number;
}
export interface Live {
  address: bigint;
  size: number;
  weight: number;
  site: number;
}
export interface Mapping {
  start: bigint;
  end: bigint;
  committed: number;
  site: number;
}
export interface Event {
  type: number;
  heap: number;
  tid: number;
  site: number;
  tag: number;
  address: bigint;
  size: number;
  weight: number;
}
export interface Tag {
  kind: number;
  name: string;
  parent: number;
  ordinal: number;
  stage: number;
  labels: number;
  releasedNs: bigint;
  budgetBytes: number;
  counters: number[];
  folded: number;
}
export interface Module {
  start: bigint;
  end: bigint;
  path: string;
  generation: number;
  buildIdBytes: number;
}
export interface Store {
  file: string;
  magic: bigint;
  pid: number;
  parentPid: number;
  ordinal: number;
  forked: number;
  allocator: number;
  libc: number;
  v8State: number;
  comm: string;
  currentMeanBytes: number;
  frozenAtNs: bigint;
  generation: number;
  liveBytes: number;
  committedBytes: number;
  ownBytes: number;
  counters: Record<string, number>;
  used: Record<wire.RegionName, number>;
  modules: Module[];
  functions: { name: string; script: string }[];
  nodes: { frame: bigint; parent: number; depth: number }[];
  sites: Site[];
  live: Live[];
  mappings: Mapping[];
  tags: Tag[];
  events: Event[];
}

/** The store's bytes; of each region only what is in use, because the file is large and sparse. */
function readUsed(file: string): Buffer {
  const fd = openSync(file, 'r');
  try {
    const header = Buffer.alloc(wire.HEADER_BYTES);
    readSync(fd, header, 0, wire.HEADER_BYTES, 0);
    const data = Buffer.alloc(Math.max(wire.HEADER_BYTES, Number(header.readBigUInt64LE(wire.HEADER.fileBytes))));
    header.copy(data);
    for (let i = 0; i < wire.REGIONS.length; i++) {
      const at = wire.HEADER.regions + i * wire.REGION.bytes;
      const [offset, capacity] = [Number(header.readBigUInt64LE(at)), Number(header.readBigUInt64LE(at + 8))];
      const used = Math.min(capacity, Number(header.readBigUInt64LE(at + wire.REGION.used)));
      readSync(fd, data, offset, used * header.readUInt32LE(at + wire.REGION.recordBytes), offset);
    }
    return data;
  } finally {
    closeSync(fd);
  }
}

export function readStore(file: string): Store {
  const data = readUsed(file);
  const u32 = (at: number) => data.readUInt32LE(at);
  const u64 = (at: number) => data.readBigUInt64LE(at);
  const region = (name: wire.RegionName) => {
    const at = wire.HEADER.regions + wire.REGIONS.indexOf(name) * wire.REGION.bytes;
    const capacity = Number(u64(at + wire.REGION.capacity));
    const used = Number(u64(at + wire.REGION.used));
    return { offset: Number(u64(at)), bytes: u32(at + wire.REGION.recordBytes), used, capacity };
  };
  const records = <T>(name: wire.RegionName, read: (at: number) => T): T[] => {
    const { offset, bytes, used, capacity } = region(name);
    return Array.from({ length: Math.min(used, capacity) }, (_, i) => read(offset + i * bytes));
  };
  const strings = region('strings').offset;
  const string = (id: number) => {
    const at = strings + id;
    // Some programs write over their stores.
    const bytes = id === 0 || at + 4 > data.length ? 0 : Math.min(u32(at), 65_535);
    return data.toString('utf8', at + 4, at + 4 + bytes);
  };
  const { HEADER, MODULE, FUNCTION, NODE, SITE, LIVE, MAPPING, TAG, EVENT } = wire;
  return {
    file,
    magic: u64(0),
    pid: u32(HEADER.pid),
    parentPid: u32(HEADER.parentPid),
    ordinal: u32(HEADER.execOrdinal),
    forked: u32(HEADER.forked),
    allocator: data.readUInt8(HEADER.allocator),
    libc: data.readUInt8(HEADER.libc),
    v8State: data.readUInt8(HEADER.v8State),
    comm: data.toString('utf8', HEADER.comm, HEADER.comm + 16).replace(/\0.*$/s, ''),
    currentMeanBytes: Number(u64(HEADER.currentMeanBytes)),
    frozenAtNs: u64(HEADER.frozenAtNs),
    generation: Number(u64(HEADER.mapGeneration)),
    liveBytes: Number(u64(HEADER.liveBytes)),
    committedBytes: Number(u64(HEADER.committedBytes)),
    ownBytes: Number(u64(HEADER.ownBytes)),
    counters: Object.fromEntries(wire.COUNTERS.map((name, i) => [name, Number(u64(HEADER.counters + 8 * i))])),
    used: Object.fromEntries(wire.REGIONS.map((name) => [name, region(name).used])) as Store['used'],
    modules: records('modules', (at) => ({
      start: u64(at + MODULE.start),
      end: u64(at + MODULE.end),
      path: string(u32(at + MODULE.path)),
      generation: u32(at + MODULE.firstGeneration),
      buildIdBytes: u32(at + MODULE.buildIdBytes),
    })),
    functions: records('functions', (at) => ({
      name: string(u32(at + FUNCTION.name)),
      script: string(u32(at + FUNCTION.script)),
    })),
    nodes: records('nodes', (at) => ({
      frame: u64(at + NODE.frame),
      parent: u32(at + NODE.parent),
      depth: u32(at + NODE.depth),
    })),
    sites: records('sites', (at) => ({
      node: u32(at + SITE.node),
      heap: data.readUInt8(at + SITE.heap),
      arena: u64(at + SITE.arena),
      tid: u32(at + SITE.tid),
      flags: data.readUInt16LE(at + SITE.flags),
      tag: u32(at + SITE.tag),
      tagSource: data.readUInt8(at + SITE.tagSource),
      samples: Number(u64(at + SITE.samples)),
      objects: data.readDoubleLE(at + SITE.allocObjects),
      bytes: data.readDoubleLE(at + SITE.allocBytes),
      objectsVariance: data.readDoubleLE(at + SITE.allocObjectsVariance),
      bytesVariance: data.readDoubleLE(at + SITE.allocBytesVariance),
    })),
    live: records('live', (at) => ({
      address: u64(at + LIVE.address),
      size: Number(u64(at + LIVE.size)),
      weight: data.readDoubleLE(at + LIVE.weight),
      site: u32(at + LIVE.site),
    })).filter((live) => live.address !== 0n),
    mappings: records('mappings', (at) => ({
      start: u64(at + MAPPING.start),
      end: u64(at + MAPPING.end),
      committed: Number(u64(at + MAPPING.committed)),
      site: u32(at + MAPPING.site),
    })).filter((mapping) => mapping.end !== 0n),
    tags: records('tags', (at) => ({
      kind: u32(at + TAG.kind),
      name: string(u32(at + TAG.name)),
      parent: u32(at + TAG.parent),
      ordinal: u32(at + TAG.ordinal),
      stage: u32(at + TAG.stage),
      labels: u32(at + TAG.labels),
      releasedNs: u64(at + TAG.releasedNs),
      budgetBytes: Number(u64(at + TAG.budgetBytes)),
      counters: wire.TAG_COUNTERS.map((_, i) => Number(u64(at + TAG.counters + 8 * i))),
      folded: Number(u64(at + TAG.folded)),
    })),
    events: readEvents(),
  };

  /** Oldest first; slots that are not written yet are left out. */
  function readEvents(): Event[] {
    const { offset, bytes, used, capacity } = region('ring');
    const events: Event[] = [];
    for (let number = Math.max(0, used - capacity); number < used; number++) {
      const at = offset + (number % capacity) * bytes;
      if (u64(at + EVENT.ticket) !== BigInt(number + 1)) continue;
      events.push({
        type: data.readUInt16LE(at + EVENT.type),
        heap: data.readUInt16LE(at + EVENT.heap),
        tid: u32(at + EVENT.tid),
        site: u32(at + EVENT.site),
        tag: u32(at + EVENT.tag),
        address: u64(at + EVENT.address),
        size: Number(u64(at + EVENT.size)),
        weight: data.readDoubleLE(at + EVENT.weight),
      });
    }
    return events;
  }
}

/** All stores of a run, parents before their children. */
export function readStores(directory: string): Store[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.store'));
  return files.map((name) => readStore(join(directory, name))).sort((a, b) => a.pid - b.pid || a.ordinal - b.ordinal);
}

/** Counts of samplers that stayed out, by `enum mp_refusal`. */
export function readRefusals(directory: string): Record<string, number> {
  const control = readFileSync(join(directory, 'control'));
  const count = (i: number) => Number(control.readBigUInt64LE(wire.CONTROL.refusals + 8 * i));
  return Object.fromEntries(wire.REFUSALS.map((name, i) => [name, count(i)]));
}

export interface Run extends SpawnSyncReturns<string> {
  directory: string;
  stores: Store[];
}

/** Runs a command under the sampler. The run directory is removed unless `keep`. */
export function runSampled(
  command: string[],
  settings: Settings & {
    env?: Record<string, string>;
    preload?: string[];
    preloadBefore?: string[];
    directory?: string;
    cwd?: string;
  } = {},
): Run {
  const directory = settings.directory ?? makeRunDirectory(settings);
  const [file = '', ...args] = command;
  const result = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: settings.cwd ?? REPOSITORY,
    env: {
      ...process.env,
      MEMPROF_RUN_DIR: directory,
      ...settings.env,
      LD_PRELOAD: [...(settings.preloadBefore ?? []), SAMPLER, ...(settings.preload ?? [])].join(':'),
    },
  });
  const stores = readStores(directory);
  if (settings.directory === undefined) rmSync(directory, { recursive: true, force: true });
  return { ...result, directory, stores };
}
