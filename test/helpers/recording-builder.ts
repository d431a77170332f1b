import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  CHUNK,
  CHUNK_HEADER_BYTES,
  FILE_HEADER_BYTES,
  GAUGE_POINT_BYTES,
  RECORDING_MAGIC,
  RECORDING_VERSION,
  SNAPSHOT_HEADER_BYTES,
  SNAPSHOT_REASONS,
  type SnapshotReason,
} from '../../src/recording/chunks.ts';
import { MANIFEST_FILE, MANIFEST_FORMAT, MANIFEST_VERSION, type Manifest } from '../../src/recording/manifest.ts';
import {
  ARENA_MAIN,
  COUNTERS,
  EVENT_TYPE,
  FRAME_FUNCTION_SHIFT,
  FRAME_GENERATION_SHIFT,
  FRAME_JS,
  FRAME_V8_CODE,
  FUNCTION,
  HEADER,
  HEADER_BYTES,
  HEAP,
  LIVE,
  MAPPING,
  MODULE,
  NODE,
  REGIONS,
  SITE,
  TAG,
  TAG_COUNTERS,
  TAG_KIND,
  TAG_SOURCES,
  WIRE_MAGIC,
  WIRE_VERSION,
} from '../../src/recording/wire.ts';
import { encodeEvents } from './events.ts';

/** A chunk of any type, its sum computed here. */
export function chunk(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(CHUNK_HEADER_BYTES);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(crc32(payload), 4);
  head.writeUInt32LE(payload.length, 8);
  return Buffer.concat([head, payload, Buffer.alloc(-payload.length & 7)]);
}

export const jsonChunk = (type: number, value: unknown): Buffer => chunk(type, Buffer.from(JSON.stringify(value)));

/** The first bytes of an `.mpr` file. */
export function fileHead(version = RECORDING_VERSION): Buffer {
  const head = Buffer.alloc(FILE_HEADER_BYTES);
  head.write(RECORDING_MAGIC, 'latin1');
  head.writeUInt32LE(version, 8);
  return head;
}

export interface TestModule {
  readonly start: bigint;
  readonly end: bigint;
  readonly bias: bigint;
  readonly path: string;
  readonly buildId?: string;
  readonly isMain?: boolean;
  readonly firstGeneration?: number;
}

export interface TestFunction {
  readonly name: string;
  readonly script: string;
  readonly start?: number;
  readonly end?: number;
  readonly flags?: number;
}

export interface TestSiteOptions {
  /** The root first, as one reads it: what `native()`, `js()` and `v8Code()` of the builder return. */
  readonly stack: readonly bigint[];
  readonly heap?: keyof typeof HEAP;
  readonly arena?: bigint;
  readonly tid?: number;
  readonly flags?: number;
  /** What `tag()` of the builder returned. */
  readonly tag?: number;
  readonly tagSource?: (typeof TAG_SOURCES)[number];
}

/** Of `parent`, `stage` and `labels` the tags. */
export interface TestTag {
  readonly kind: keyof typeof TAG_KIND;
  readonly name?: string;
  readonly parent?: number;
  readonly ordinal?: number;
  readonly stage?: number;
  readonly labels?: number;
  readonly createdNs?: bigint;
  readonly releasedNs?: bigint;
  readonly budgetBytes?: number;
  readonly counters?: Partial<Record<(typeof TAG_COUNTERS)[number], number>>;
  readonly folded?: number;
}

/** A sampled block: `size` bytes, sampled with probability max(size, 1) / weight; weight = size means certainly. */
export interface TestBlock {
  readonly site: number;
  readonly size: number;
  readonly weight?: number;
  readonly timeNs?: bigint;
}

/**
 * Writes the recording of one process from a description: what the sampler and the capture would have written had the program done
 * this. Allocations keep the sites' totals in step; `snapshot` writes what is live then.
 */
export function recordProcess(pid: number, options: { readonly comm?: string; readonly meanBytes?: number } = {}) {
  const chunks: Buffer[] = [];
  const header = Buffer.alloc(HEADER_BYTES);
  const strings: Buffer[] = [Buffer.alloc(4)];
  let stringBytes = 4;
  const stringIds = new Map<string, number>([['', 0]]);
  const modules: Buffer[] = [];
  const functions: Buffer[] = [];
  const nodes: Buffer[] = [Buffer.alloc(NODE.bytes)];
  const nodeIds = new Map<string, number>();
  const sites: Buffer[] = [];
  const tags: Buffer[] = [Buffer.alloc(TAG.bytes)];
  let currentTag = 0;
  const drained = { strings: 0, modules: 0, functions: 0, nodes: 0 };
  const live = new Map<bigint, Required<TestBlock>>();
  const mappings = new Map<bigint, { site: number; bytes: bigint }>();
  let events: Buffer[] = [];
  let eventNumber = 0;
  let eventsLost = 0;
  let nextAddress = 0x7000_0000n;
  let nowNs = 1_000_000n;

  header.writeBigUInt64LE(WIRE_MAGIC, HEADER.magic);
  header.writeUInt32LE(WIRE_VERSION, HEADER.version);
  header.writeUInt32LE(HEADER_BYTES, HEADER.headerBytes);
  header.writeUInt32LE(pid, HEADER.pid);
  header.writeUInt32LE(1, HEADER.parentPid);
  header.writeUInt8(1, HEADER.arch);
  header.writeUInt8(1, HEADER.libc);
  header.writeUInt8(1, HEADER.allocator);
  header.writeUInt32LE(4096, HEADER.pageBytes);
  header.writeBigUInt64LE(1_000_000n, HEADER.startedMonoNs);
  header.writeBigUInt64LE(1_700_000_000_000_000_000n, HEADER.startedUnixNs);
  header.writeBigUInt64LE(BigInt(options.meanBytes ?? 65_536), HEADER.meanBytes);
  header.writeBigUInt64LE(BigInt(options.meanBytes ?? 65_536), HEADER.currentMeanBytes);
  header.write(options.comm ?? 'node', HEADER.comm);

  function stringId(text: string): number {
    const known = stringIds.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.from(text);
    const record = Buffer.alloc(4 + bytes.length + (-bytes.length & 3));
    record.writeUInt32LE(bytes.length, 0);
    bytes.copy(record, 4);
    const id = stringBytes;
    strings.push(record);
    stringBytes += record.length;
    stringIds.set(text, id);
    return id;
  }

  function nodeOf(stack: readonly bigint[]): number {
    let parent = 0;
    stack.forEach((frame, depth) => {
      const key = `${parent}/${frame}`;
      let id = nodeIds.get(key);
      if (id === undefined) {
        const record = Buffer.alloc(NODE.bytes);
        record.writeBigUInt64LE(frame, NODE.frame);
        record.writeUInt32LE(parent, NODE.parent);
        record.writeUInt32LE(depth + 1, NODE.depth);
        id = nodes.push(record) - 1;
        nodeIds.set(key, id);
      }
      parent = id;
    });
    return parent;
  }

  function region(number: number, records: readonly Buffer[], first: number): void {
    if (records.length === 0) return;
    const head = Buffer.alloc(16);
    head.writeUInt32LE(number, 0);
    head.writeBigUInt64LE(BigInt(first), 8);
    chunks.push(chunk(CHUNK.region, Buffer.concat([head, ...records])));
  }

  function flush(): void {
    const text = Buffer.concat(strings);
    if (text.length > drained.strings) region(0, [text.subarray(drained.strings)], drained.strings);
    drained.strings = text.length;
    region(1, modules.slice(drained.modules), drained.modules);
    drained.modules = modules.length;
    region(2, functions.slice(drained.functions), drained.functions);
    drained.functions = functions.length;
    region(3, nodes.slice(drained.nodes), drained.nodes);
    drained.nodes = nodes.length;
    // As the capture does at snapshots: those that are there may have changed.
    if (tags.length > 1) region(REGIONS.indexOf('tags'), tags, 0);
    if (events.length > 0 || eventsLost > 0) {
      const head = Buffer.alloc(16);
      head.writeBigUInt64LE(BigInt(eventNumber - events.length), 0);
      head.writeBigUInt64LE(BigInt(eventsLost), 8);
      chunks.push(chunk(CHUNK.events, Buffer.concat([head, ...events])));
    }
    events = [];
    eventsLost = 0;
    chunks.push(chunk(CHUNK.header, Buffer.from(header)));
  }

  function event(type: number, site: number, address: bigint, size: number, weight: number, timeNs: bigint): void {
    const heap = sites[site]?.readUInt8(SITE.heap) ?? HEAP.malloc;
    eventNumber++;
    events.push(
      encodeEvents([
        { ticket: eventNumber, timeNs, type, heap, tid: pid, site, tag: currentTag, address, size, weight },
      ]),
    );
  }

  function add(site: number, offset: number, value: number): void {
    const record = sites[site];
    record?.writeDoubleLE(record.readDoubleLE(offset) + value, offset);
  }

  const builder = {
    header,
    process(fields: Record<string, unknown> = {}) {
      const base = { pid, parentPid: 1, execOrdinal: 0, forked: false, name: options.comm ?? 'node', threads: {} };
      chunks.push(jsonChunk(CHUNK.process, { ...base, ...fields }));
    },
    counter(name: (typeof COUNTERS)[number], value: number) {
      header.writeBigUInt64LE(BigInt(value), HEADER.counters + COUNTERS.indexOf(name) * 8);
    },
    module(module: TestModule) {
      const record = Buffer.alloc(MODULE.bytes);
      const id = Buffer.from(module.buildId ?? '', 'hex');
      record.writeBigUInt64LE(module.start, MODULE.start);
      record.writeBigUInt64LE(module.end, MODULE.end);
      record.writeBigUInt64LE(module.bias, MODULE.bias);
      record.writeUInt32LE(stringId(module.path), MODULE.path);
      record.writeUInt32LE(module.firstGeneration ?? 0, MODULE.firstGeneration);
      record.writeUInt32LE(id.length, MODULE.buildIdBytes);
      record.writeUInt32LE(module.isMain ? 1 : 0, MODULE.isMain);
      id.copy(record, MODULE.buildId, 0, 20);
      modules.push(record);
    },
    function(fn: TestFunction): number {
      const record = Buffer.alloc(FUNCTION.bytes);
      record.writeUInt32LE(stringId(fn.name), FUNCTION.name);
      record.writeUInt32LE(stringId(fn.script), FUNCTION.script);
      record.writeInt32LE(functions.length + 1, FUNCTION.scriptId);
      record.writeInt32LE(fn.start ?? -1, FUNCTION.start);
      record.writeInt32LE(fn.end ?? -1, FUNCTION.end);
      record.writeUInt32LE(fn.flags ?? 0, FUNCTION.flags);
      return functions.push(record) - 1;
    },
    /** Frame words. `address` is where the call is; the word holds the return address after it. */
    native: (address: bigint, generation = 0): bigint =>
      (BigInt(generation) << FRAME_GENERATION_SHIFT) | (address + 1n),
    v8Code: (address: bigint): bigint => FRAME_V8_CODE | (address + 1n),
    js: (index: number, position = -1, flags = 0n): bigint =>
      FRAME_JS | flags | (BigInt(index) << FRAME_FUNCTION_SHIFT) | BigInt(position + 1),
    site(site: TestSiteOptions): number {
      const record = Buffer.alloc(SITE.bytes);
      record.writeUInt32LE(nodeOf(site.stack), SITE.node);
      record.writeUInt8(HEAP[site.heap ?? 'malloc'], SITE.heap);
      record.writeUInt8(TAG_SOURCES.indexOf(site.tagSource ?? (site.tag ? 'cped' : 'none')), SITE.tagSource);
      record.writeUInt32LE(site.tag ?? 0, SITE.tag);
      record.writeBigUInt64LE(site.arena ?? ARENA_MAIN, SITE.arena);
      record.writeUInt32LE(site.tid ?? pid, SITE.tid);
      record.writeUInt16LE(site.flags ?? 0, SITE.flags);
      return sites.push(record) - 1;
    },
    /** Returns its number. */
    tag(tag: TestTag): number {
      const record = Buffer.alloc(TAG.bytes);
      record.writeUInt32LE(TAG_KIND[tag.kind], TAG.kind);
      record.writeUInt32LE(stringId(tag.name ?? ''), TAG.name);
      record.writeUInt32LE(tag.parent ?? 0, TAG.parent);
      record.writeUInt32LE(tag.ordinal ?? 0, TAG.ordinal);
      record.writeUInt32LE(tag.stage ?? 0, TAG.stage);
      record.writeUInt32LE(tag.labels ?? 0, TAG.labels);
      record.writeBigUInt64LE(tag.createdNs ?? nowNs, TAG.createdNs);
      record.writeBigUInt64LE(BigInt(tag.budgetBytes ?? 0), TAG.budgetBytes);
      TAG_COUNTERS.forEach((name, i) => {
        record.writeBigUInt64LE(BigInt(tag.counters?.[name] ?? 0), TAG.counters + 8 * i);
      });
      record.writeBigUInt64LE(BigInt(tag.folded ?? 0), TAG.folded);
      const number = tags.push(record) - 1;
      if (tag.releasedNs !== undefined) builder.release(number, tag.releasedNs);
      return number;
    },
    release: (tag: number, timeNs?: bigint) => void tags[tag]?.writeBigUInt64LE(timeNs ?? nowNs, TAG.releasedNs),
    /** Seconds after its start: when what follows happens. */
    at(seconds: number) {
      nowNs = 1_000_000n + BigInt(Math.round(seconds * 1e9));
    },
    /** The context in which the next events happen. */
    within(tag: number) {
      currentTag = tag;
    },
    /** Returns the block's address. */
    alloc(block: TestBlock): bigint {
      const { site, size } = block;
      const weight = block.weight ?? Math.max(size, 1);
      const timeNs = block.timeNs ?? nowNs++;
      const address = nextAddress;
      nextAddress += 16n;
      live.set(address, { site, size, weight, timeNs });
      const p = Math.max(size, 1) / weight;
      const variance = (1 - p) / (p * p);
      const record = sites[site];
      record?.writeBigUInt64LE(record.readBigUInt64LE(SITE.samples) + 1n, SITE.samples);
      add(site, SITE.allocObjects, 1 / p);
      add(site, SITE.allocBytes, size / p);
      add(site, SITE.allocObjectsVariance, variance);
      add(site, SITE.allocBytesVariance, variance * size * size);
      event(EVENT_TYPE.alloc, site, address, size, weight, timeNs);
      return address;
    },
    free(address: bigint): void {
      const block = live.get(address);
      if (block === undefined) return;
      live.delete(address);
      event(EVENT_TYPE.free, block.site, address, block.size, block.weight, nowNs++);
    },
    /** An exact mapping of committed bytes. */
    map(site: number, bytes: number): bigint {
      const address = nextAddress;
      nextAddress += BigInt(Math.ceil(bytes / 4096) * 4096);
      mappings.set(address, { site, bytes: BigInt(bytes) });
      const record = sites[site];
      record?.writeBigUInt64LE(record.readBigUInt64LE(SITE.samples) + 1n, SITE.samples);
      add(site, SITE.allocObjects, 1);
      add(site, SITE.allocBytes, bytes);
      event(EVENT_TYPE.commit, site, address, bytes, bytes, nowNs++);
      return address;
    },
    unmap(address: bigint): void {
      const mapping = mappings.get(address);
      if (mapping === undefined) return;
      mappings.delete(address);
      event(EVENT_TYPE.decommit, mapping.site, address, Number(mapping.bytes), Number(mapping.bytes), nowNs++);
    },
    /** Events that were overwritten before they could be read. */
    loseEvents(count: number) {
      eventsLost += count;
    },
    flush,
    snapshot(reason: SnapshotReason, isComplete = reason === 'end') {
      flush();
      const head = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
      head.writeUInt32LE(SNAPSHOT_REASONS.indexOf(reason), 0);
      head.writeUInt32LE(isComplete ? 1 : 0, 4);
      head.writeBigUInt64LE(nowNs, 8);
      head.writeBigUInt64LE(BigInt(sites.length), 16);
      head.writeBigUInt64LE(BigInt(live.size), 24);
      head.writeBigUInt64LE(BigInt(mappings.size), 32);
      const liveRecords = [...live].map(([address, { site, size, weight, timeNs }]) => {
        const record = Buffer.alloc(LIVE.bytes);
        record.writeBigUInt64LE(address, LIVE.address);
        record.writeBigUInt64LE(BigInt(size), LIVE.size);
        record.writeDoubleLE(weight, LIVE.weight);
        record.writeBigUInt64LE(timeNs, LIVE.allocatedAtNs);
        record.writeUInt32LE(site, LIVE.site);
        record.writeUInt32LE(2, LIVE.sequence);
        return record;
      });
      const mappingRecords = [...mappings].map(([address, { site, bytes }]) => {
        const record = Buffer.alloc(MAPPING.bytes);
        record.writeBigUInt64LE(address, MAPPING.start);
        record.writeBigUInt64LE(address + bytes, MAPPING.end);
        record.writeBigUInt64LE(bytes, MAPPING.committed);
        record.writeUInt32LE(site, MAPPING.site);
        record.writeUInt32LE(2, MAPPING.sequence);
        return record;
      });
      chunks.push(chunk(CHUNK.snapshot, Buffer.concat([head, ...sites, ...liveRecords, ...mappingRecords])));
    },
    gauge(rssBytes: number) {
      const payload = Buffer.alloc(8 + GAUGE_POINT_BYTES);
      payload.writeBigUInt64LE(1n, 0);
      payload.writeBigUInt64LE(nowNs, 8);
      payload.writeBigUInt64LE(BigInt(rssBytes), 16);
      chunks.push(chunk(CHUNK.gauges, payload));
    },
    agent: (line: Record<string, unknown>) => void chunks.push(jsonChunk(CHUNK.agent, line)),
    maps: (text: string) => void chunks.push(jsonChunk(CHUNK.maps, { timeNs: String(nowNs), text })),
    symbols: (value: unknown) => void chunks.push(jsonChunk(CHUNK.symbols, value)),
    raw: (bytes: Buffer) => void chunks.push(bytes),
    end: () => void chunks.push(jsonChunk(CHUNK.end, { exitCode: 0, signal: null, timeUnixNs: '0', notices: [] })),
    /** The whole `.mpr` file. */
    bytes: (version?: number): Buffer => Buffer.concat([fileHead(version), ...chunks]),
  };
  return builder;
}

export type ProcessRecorder = ReturnType<typeof recordProcess>;

/** Writes a recording directory: the files by name, and a manifest around them unless `manifest` is null. */
export function writeRecording(
  directory: string,
  files: Readonly<Record<string, Buffer>>,
  manifest: Partial<Manifest> | null = {},
): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes);
  if (manifest !== null) {
    const whole: Manifest = {
      format: MANIFEST_FORMAT,
      version: MANIFEST_VERSION,
      memprofVersion: '0.1.0',
      startedAtNs: '1700000000000000000',
      endedAtNs: '1700000001000000000',
      host: { platform: 'linux', arch: 'x64', kernel: '6.1.0' },
      program: { name: 'node', pid: 4711, exitCode: 0, signal: null },
      settings: { native: true, v8: true, sampleBytes: 65_536, v8IntervalBytes: 65_536, maxSamplesPerSecond: 2000 },
      files: Object.keys(files),
      emptyProcesses: 0,
      notices: [],
      ...manifest,
    };
    writeFileSync(join(directory, MANIFEST_FILE), JSON.stringify(whole, null, 2));
  }
  return directory;
}
