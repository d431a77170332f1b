/**
 * Recordings of programs that never ran: what the sampler and the capture would have written of an inference server that took a
 * given number of samples. Seeded, so that two runs of a bench read the same bytes. Code addresses are those of functions of real
 * binaries of this machine (Node, libc, onnxruntime), positions those of real scripts: the symbols are looked up as in a real run.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { openElf } from '../../dist/interpret/symbolize/elf.js';
import {
  CHUNK,
  CHUNK_HEADER_BYTES,
  FILE_HEADER_BYTES,
  GAUGE_POINT_BYTES,
  RECORDING_MAGIC,
  RECORDING_VERSION,
  SNAPSHOT_HEADER_BYTES,
  SNAPSHOT_REASONS,
} from '../../dist/recording/chunks.js';
import { MANIFEST_FILE, MANIFEST_FORMAT, MANIFEST_VERSION } from '../../dist/recording/manifest.js';
import {
  EVENT,
  EVENT_TYPE,
  FRAME_FUNCTION_SHIFT,
  FRAME_JS,
  FUNCTION,
  HEADER,
  HEADER_BYTES,
  HEAP,
  LIVE,
  MODULE,
  NODE,
  SITE,
  WIRE_MAGIC,
  WIRE_VERSION,
} from '../../dist/recording/wire.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MEAN_BYTES = 65_536;
const STARTED_UNIX_NS = 1_900_000_000_000_000_000n;
const DRAINED_EVENTS = 16_384;
const BINARIES = [
  process.execPath,
  join(ROOT, 'fixtures/workloads/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1'),
  join(ROOT, 'fixtures/workloads/node_modules/onnxruntime-node/bin/napi-v3/linux/x64/libonnxruntime.so.1'),
  '/lib/x86_64-linux-gnu/libc.so.6',
  '/lib/x86_64-linux-gnu/libstdc++.so.6',
];
/** Shares of the samples: a server and two workers of its own. */
const PROCESSES = [0.8, 0.1, 0.1];
const FUNCTIONS = 3000;
const NATIVE_PLACES = 15_000;
const POSITIONS_PER_FUNCTION = 5;
const SAMPLES_PER_SITE = 20;
const FREED = 0.85;
const SNAPSHOTS = 4;

/**
 * Writes a recording directory.
 * @param samples allocations that were sampled, over all processes.
 */
export function writeSyntheticRecording(directory, { samples, seed = 1 }) {
  mkdirSync(directory, { recursive: true });
  const program = findProgram(random(seed));
  const files = PROCESSES.map((share, index) => {
    const file = `${4711 + index}.0.mpr`;
    writeProcess(join(directory, file), 4711 + index, Math.round(samples * share), program, random(seed + 1 + index));
    return file;
  });
  const manifest = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    memprofVersion: '0.1.0',
    startedAtNs: String(STARTED_UNIX_NS),
    endedAtNs: String(STARTED_UNIX_NS + 60_000_000_000n),
    host: { platform: 'linux', arch: 'x64', kernel: '6.1.0' },
    program: { name: 'node', pid: 4711, exitCode: 0, signal: null },
    settings: {
      native: true,
      v8: true,
      sampleBytes: MEAN_BYTES,
      v8IntervalBytes: MEAN_BYTES,
      maxSamplesPerSecond: 2000,
    },
    files,
    emptyProcesses: 0,
    notices: [],
  };
  writeFileSync(join(directory, MANIFEST_FILE), JSON.stringify(manifest));
  return files;
}

/** mulberry32: small, seeded, good enough to spread stacks. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Modules, native call places and JavaScript functions that the stacks are made of. */
function findProgram(next) {
  const modules = [];
  const places = [];
  const paths = BINARIES.filter((path) => existsSync(path));
  paths.forEach((path, index) => {
    const elf = openElf(path);
    const functions = functionsOf(elf);
    const start = 0x7f00_0000_0000n + BigInt(index) * 0x1_0000_0000n;
    const end = start + BigInt(Math.max(...elf.segments.map((one) => one.virtualAddress + one.memoryBytes)));
    modules.push({ start, end, path, buildId: elf.buildId, isMain: index === 0 });
    const wanted = index === 0 ? NATIVE_PLACES / 2 : NATIVE_PLACES / 2 / (paths.length - 1);
    for (let n = 0; n < wanted && functions.length > 0; n++) {
      const { address, size } = functions[Math.floor(next() * functions.length)];
      places.push(start + BigInt(address + Math.floor(next() * size)) + 1n);
    }
    elf.close();
  });
  const scripts = readdirSync(join(ROOT, 'node_modules/acorn/dist'))
    .concat(readdirSync(join(ROOT, 'dist/interpret')).map((name) => `../../../dist/interpret/${name}`))
    .filter((name) => /\.(m?js)$/.test(name))
    .map((name) => join(ROOT, 'node_modules/acorn/dist', name));
  scripts.push('node:internal/streams/readable', 'node:fs', 'node:net', 'node:events');
  const lengths = scripts.map((path) => (path.startsWith('node:') ? 20_000 : statSync(path).size));
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => {
    const script = Math.floor(next() * scripts.length);
    const start = Math.floor(next() * lengths[script] * 0.9);
    return { name: `handler${index}`, script: scripts[script], start, end: start + Math.floor(lengths[script] * 0.1) };
  });
  return { modules, places, functions };
}

function functionsOf(elf) {
  const section = elf.symbolSections.find(({ kind }) => kind === 'symtab') ?? elf.symbolSections[0];
  if (section === undefined) return [];
  const table = elf.read(section.offset, section.bytes);
  const functions = [];
  for (let at = 0; at + 24 <= table.length; at += 24) {
    const size = Number(table.readBigUInt64LE(at + 16));
    if ((table[at + 4] & 0xf) !== 2 || table.readUInt16LE(at + 6) === 0 || size === 0) continue;
    functions.push({ address: Number(table.readBigUInt64LE(at + 8)), size });
  }
  return functions;
}

function writeProcess(path, pid, samples, program, next) {
  const fd = openSync(path, 'w');
  const out = (type, ...parts) => writeChunk(fd, type, Buffer.concat(parts));
  const json = (type, value) => out(type, Buffer.from(JSON.stringify(value)));
  const head = Buffer.alloc(FILE_HEADER_BYTES);
  head.write(RECORDING_MAGIC, 'latin1');
  head.writeUInt32LE(RECORDING_VERSION, RECORDING_MAGIC.length);
  writeSync(fd, head);
  json(CHUNK.process, {
    pid,
    parentPid: pid === 4711 ? 1 : 4711,
    execOrdinal: 0,
    forked: false,
    name: 'node',
    threads: {},
  });
  json(CHUNK.agent, hello(pid));
  writeProgram(out, program);
  json(CHUNK.maps, { timeNs: '0', text: program.modules.map(mapsLine).join('\n') });

  const siteCount = Math.max(50, Math.floor(samples / SAMPLES_PER_SITE));
  const { nodes, leaves } = growTrie(siteCount, program, next);
  const sites = leaves.map((leaf) => siteRecord(leaf, pid, next));
  const totals = sites.map(() => new Float64Array(5));
  out(CHUNK.region, regionHead(3, 0), nodes);

  const live = { site: [], size: [], weight: [], address: [], at: [] };
  const events = Buffer.alloc(DRAINED_EVENTS * EVENT.bytes);
  let used = 0;
  let number = 0;
  let nowNs = 1_000_000n;
  let liveBytes = 0;
  function event(type, site, address, size, weight) {
    if (used === DRAINED_EVENTS) drain();
    const at = used++ * EVENT.bytes;
    nowNs += 20_000n;
    events.fill(0, at, at + EVENT.bytes);
    events.writeUInt32LE(++number, at + EVENT.ticket);
    events.writeBigUInt64LE(nowNs, at + EVENT.timeNs);
    events.writeUInt16LE(type, at + EVENT.type);
    events.writeUInt16LE(HEAP.malloc, at + EVENT.heap);
    events.writeUInt32LE(pid, at + EVENT.tid);
    events.writeUInt32LE(site, at + EVENT.site);
    events.writeDoubleLE(address, at + EVENT.address);
    events.writeBigUInt64LE(BigInt(size), at + EVENT.size);
    events.writeDoubleLE(weight, at + EVENT.weight);
  }
  function drain() {
    const first = Buffer.alloc(16);
    first.writeBigUInt64LE(BigInt(number - used), 0);
    out(CHUNK.events, first, events.subarray(0, used * EVENT.bytes));
    out(CHUNK.header, headerRecord(pid, 0n));
    out(CHUNK.gauges, gaugePoint(nowNs, liveBytes));
    used = 0;
  }
  function snapshot(reason) {
    drain();
    out(
      CHUNK.snapshot,
      snapshotHead(reason, nowNs, sites.length, live.site.length),
      ...siteTable(sites, totals),
      liveTable(live),
    );
  }

  for (let index = 0; index < samples; index++) {
    const site = Math.floor(siteCount * next() ** 2);
    const size = Math.ceil(Math.exp(3 + next() * 11));
    const p = -Math.expm1(-size / MEAN_BYTES);
    addTotals(totals[site], size, p);
    event(EVENT_TYPE.alloc, site, index, size, size / p);
    liveBytes += size / p;
    for (const [key, value] of [
      ['site', site],
      ['size', size],
      ['weight', size / p],
      ['address', index + 1],
      ['at', nowNs],
    ])
      live[key].push(value);
    if (next() < FREED) liveBytes -= freeOne(live, next, event);
    if ((index + 1) % Math.ceil(samples / SNAPSHOTS) === 0) snapshot('peak');
  }
  json(CHUNK.agent, v8Profile(program, next));
  snapshot('end');
  out(CHUNK.header, headerRecord(pid, nowNs));
  json(CHUNK.end, { exitCode: 0, signal: null, timeUnixNs: String(STARTED_UNIX_NS + nowNs), notices: [] });
  closeSync(fd);
}

function writeChunk(fd, type, payload) {
  const head = Buffer.alloc(CHUNK_HEADER_BYTES);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(crc32(payload), 4);
  head.writeUInt32LE(payload.length, 8);
  writeSync(fd, Buffer.concat([head, payload, Buffer.alloc(-payload.length & 7)]));
}

function regionHead(region, first) {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(region, 0);
  head.writeBigUInt64LE(BigInt(first), 8);
  return head;
}

function writeProgram(out, { modules, functions }) {
  const strings = [Buffer.alloc(4)];
  let stringBytes = 4;
  const known = new Map();
  const stringId = (text) => {
    if (known.has(text)) return known.get(text);
    const bytes = Buffer.from(text);
    const record = Buffer.alloc(4 + bytes.length + (-bytes.length & 3));
    record.writeUInt32LE(bytes.length, 0);
    bytes.copy(record, 4);
    strings.push(record);
    known.set(text, stringBytes);
    stringBytes += record.length;
    return known.get(text);
  };
  const moduleRecords = modules.map((module) => {
    const record = Buffer.alloc(MODULE.bytes);
    const id = Buffer.from(module.buildId, 'hex').subarray(0, 20);
    record.writeBigUInt64LE(module.start, MODULE.start);
    record.writeBigUInt64LE(module.end, MODULE.end);
    record.writeBigUInt64LE(module.start, MODULE.bias);
    record.writeUInt32LE(stringId(module.path), MODULE.path);
    record.writeUInt32LE(id.length, MODULE.buildIdBytes);
    record.writeUInt32LE(module.isMain ? 1 : 0, MODULE.isMain);
    id.copy(record, MODULE.buildId);
    return record;
  });
  const functionRecords = functions.map((fn, index) => {
    const record = Buffer.alloc(FUNCTION.bytes);
    record.writeUInt32LE(stringId(fn.name), FUNCTION.name);
    record.writeUInt32LE(stringId(fn.script), FUNCTION.script);
    record.writeInt32LE(index + 1, FUNCTION.scriptId);
    record.writeInt32LE(fn.start, FUNCTION.start);
    record.writeInt32LE(fn.end, FUNCTION.end);
    return record;
  });
  out(CHUNK.region, regionHead(0, 0), ...strings);
  out(CHUNK.region, regionHead(1, 0), ...moduleRecords);
  out(CHUNK.region, regionHead(2, 0), ...functionRecords);
}

/** A new site leaves the path of an older one a few frames from the leaf: 3 to 4 nodes each, as programs have it. */
function growTrie(siteCount, { places, functions }, next) {
  const records = [Buffer.alloc(NODE.bytes)];
  const paths = [];
  const addNode = (frame, parent, depth) => {
    const record = Buffer.alloc(NODE.bytes);
    record.writeBigUInt64LE(frame, NODE.frame);
    record.writeUInt32LE(parent, NODE.parent);
    record.writeUInt32LE(depth, NODE.depth);
    return records.push(record) - 1;
  };
  for (let site = 0; site < siteCount; site++) {
    const depth = 40 + Math.floor(next() * 11);
    const like = site === 0 ? [] : paths[Math.floor(next() * site)];
    const path = like.slice(0, Math.max(0, Math.min(like.length, depth) - 1 - Math.floor(next() * 6)));
    while (path.length < depth) {
      const at = path.length;
      const isJs = at > 14 && at < depth - 3 && next() < 0.6;
      path.push(addNode(isJs ? jsFrame(functions, next) : nativeFrame(places, next), path.at(-1) ?? 0, at + 1));
    }
    paths.push(path);
  }
  return { nodes: Buffer.concat(records), leaves: paths.map((path) => path.at(-1)) };
}

const nativeFrame = (places, next) => places[Math.floor(places.length * next() ** 2)];

function jsFrame(functions, next) {
  const index = Math.floor(functions.length * next() ** 2);
  const { start, end } = functions[index];
  const position =
    start + Math.floor(((end - start) * Math.floor(next() * POSITIONS_PER_FUNCTION)) / POSITIONS_PER_FUNCTION);
  return FRAME_JS | (BigInt(index) << FRAME_FUNCTION_SHIFT) | BigInt(position + 1);
}

function siteRecord(node, pid, next) {
  const record = Buffer.alloc(SITE.bytes);
  record.writeUInt32LE(node, SITE.node);
  record.writeUInt8(HEAP.malloc, SITE.heap);
  record.writeBigUInt64LE(next() < 0.7 ? 0n : 0x7f00_0000_0000n, SITE.arena);
  record.writeUInt32LE(next() < 0.8 ? pid : pid + 1 + Math.floor(next() * 4), SITE.tid);
  return record;
}

function addTotals(totals, size, p) {
  const variance = (1 - p) / (p * p);
  totals[0] += 1;
  totals[1] += 1 / p;
  totals[2] += size / p;
  totals[3] += variance;
  totals[4] += variance * size * size;
}

function siteTable(sites, totals) {
  sites.forEach((record, index) => {
    const [samples, objects, bytes, objectsVariance, bytesVariance] = totals[index];
    record.writeBigUInt64LE(BigInt(samples), SITE.samples);
    record.writeDoubleLE(objects, SITE.allocObjects);
    record.writeDoubleLE(bytes, SITE.allocBytes);
    record.writeDoubleLE(objectsVariance, SITE.allocObjectsVariance);
    record.writeDoubleLE(bytesVariance, SITE.allocBytesVariance);
  });
  return sites;
}

/** Returns the bytes that the sample stood for. */
function freeOne(live, next, event) {
  const slot = Math.floor(next() * live.site.length);
  const weight = live.weight[slot];
  event(EVENT_TYPE.free, live.site[slot], live.address[slot], live.size[slot], weight);
  for (const column of Object.values(live)) {
    const last = column.pop();
    if (slot < column.length) column[slot] = last;
  }
  return weight;
}

function liveTable(live) {
  const table = Buffer.alloc(live.site.length * LIVE.bytes);
  live.site.forEach((site, index) => {
    const at = index * LIVE.bytes;
    table.writeBigUInt64LE(0x7f00_0000_0000n + BigInt(live.address[index]) * 16n, at + LIVE.address);
    table.writeBigUInt64LE(BigInt(live.size[index]), at + LIVE.size);
    table.writeDoubleLE(live.weight[index], at + LIVE.weight);
    table.writeBigUInt64LE(live.at[index], at + LIVE.allocatedAtNs);
    table.writeUInt32LE(site, at + LIVE.site);
    table.writeUInt32LE(2, at + LIVE.sequence);
  });
  return table;
}

function snapshotHead(reason, nowNs, sites, live) {
  const head = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
  head.writeUInt32LE(SNAPSHOT_REASONS.indexOf(reason), 0);
  head.writeUInt32LE(reason === 'end' ? 1 : 0, 4);
  head.writeBigUInt64LE(nowNs, 8);
  head.writeBigUInt64LE(BigInt(sites), 16);
  head.writeBigUInt64LE(BigInt(live), 24);
  return head;
}

function headerRecord(pid, frozenAtNs) {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeBigUInt64LE(WIRE_MAGIC, HEADER.magic);
  header.writeUInt32LE(WIRE_VERSION, HEADER.version);
  header.writeUInt32LE(HEADER_BYTES, HEADER.headerBytes);
  header.writeUInt32LE(pid, HEADER.pid);
  header.writeUInt8(1, HEADER.libc);
  header.writeUInt8(1, HEADER.allocator);
  header.writeBigUInt64LE(1_000_000n, HEADER.startedMonoNs);
  header.writeBigUInt64LE(STARTED_UNIX_NS, HEADER.startedUnixNs);
  header.writeBigUInt64LE(BigInt(MEAN_BYTES), HEADER.meanBytes);
  header.writeBigUInt64LE(BigInt(MEAN_BYTES), HEADER.currentMeanBytes);
  header.writeBigUInt64LE(frozenAtNs, HEADER.frozenAtNs);
  header.write('node', HEADER.comm);
  return header;
}

function gaugePoint(nowNs, liveBytes) {
  const payload = Buffer.alloc(8 + GAUGE_POINT_BYTES);
  payload.writeBigUInt64LE(1n, 0);
  payload.writeBigUInt64LE(nowNs, 8);
  payload.writeBigUInt64LE(BigInt(Math.round(liveBytes + 5e7)), 16);
  payload.writeBigUInt64LE(BigInt(Math.round(Math.max(0, liveBytes))), 48);
  return payload;
}

const mapsLine = ({ start, end, path }) => `${start.toString(16)}-${end.toString(16)} r-xp 00000000 08:01 1 ${path}`;

const hello = (pid) => ({
  type: 'hello',
  timeUnixNs: String(STARTED_UNIX_NS),
  pid,
  threadId: 0,
  tid: pid,
  threadName: 'main',
  node: process.version,
  v8: process.versions.v8,
  arch: 'x64',
  abi: process.versions.modules,
  libc: 'glibc',
  execPath: process.execPath,
  v8Sampler: 'on',
});

/** V8's own sampler: a tree of the same functions. */
function v8Profile({ functions }, next) {
  const strings = ['(root)', ''];
  const ids = new Map();
  const stringId = (text) => {
    if (!ids.has(text)) ids.set(text, strings.push(text) - 1);
    return ids.get(text);
  };
  const nodes = [[-1, 0, 1, 0, 0, 0, []]];
  const depths = [0];
  while (nodes.length < 4000) {
    const fn = functions[Math.floor(functions.length * next() ** 2)];
    const parent = depths.findLastIndex((depth) => depth < 4 + next() * 24);
    depths.push(depths[parent] + 1);
    const line = 1 + Math.floor(next() * 300);
    nodes.push([parent, stringId(fn.name), stringId(fn.script), 1, line, 3, next() < 0.5 ? [64, 900, 2048, 40] : []]);
  }
  return {
    type: 'v8profile',
    timeUnixNs: String(STARTED_UNIX_NS + 1_000_000_000n),
    threadId: 0,
    reason: 'exit',
    intervalBytes: MEAN_BYTES,
    depth: 128,
    collected: true,
    strings,
    nodes,
    heap: {},
    spaces: [],
  };
}

/** Bytes of the recording's files. */
export function recordingBytes(directory) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.mpr'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}
