import { gunzipSync } from 'node:zlib';
import { EXIT, MemprofError } from '../errors.js';
import { ARENA_SOURCES } from '../model/arenas.js';
import type { FunctionInfo, Labels, Location, Mapping, Profile, Sample, Values } from '../model/profile.js';
import { SAMPLE_TYPES } from '../model/profile.js';
import { commentReader } from './pprof-comments.js';
import { decodePprof, type PprofTables } from './pprof-decode.js';
import { FUNCTION, LABEL, LINE, LOCATION, MAPPING, PROFILE, VALUE_TYPE } from './pprof-fields.js';
import { heapVariances, isExactHeap } from './pprof-variance.js';
import type { Varint } from './protobuf-read.js';

/** Numbers are signed in pprof, and unsigned on the wire. */
const int = (value: Varint): number => (typeof value === 'number' ? value : Number(BigInt.asIntN(64, value)));
const big = (value: Varint): bigint => BigInt.asIntN(64, BigInt(value));

/** A decoded file with what its numbers refer to. */
interface Source {
  readonly tables: PprofTables;
  readonly text: (index: Varint) => string;
  /** Makes the error that says what is wrong with this file. */
  readonly invalid: (reason: string) => MemprofError;
}

/**
 * Reads a heap profile in pprof's format, gzipped or not: ours, Go's, tcmalloc's, @datadog/pprof's. Columns are found by name
 * (`inuse_space`, `space`, `objects`, `inuse_bytes`, ...); missing ones are named in `unknown`. pprof has no error bars: variances
 * are derived from the period, as sampling with that mean would give them.
 * @throws MemprofError PPROF_INVALID (exit code 2) for anything that is not such a profile.
 */
export function readPprof(bytes: Uint8Array, name = 'the profile'): Profile {
  const raw = unpacked(bytes, name);
  try {
    return profileOf(decodePprof(raw), name);
  } catch (cause) {
    if (cause instanceof RangeError) throw invalid(name, 'it is damaged or something else', cause);
    throw cause;
  }
}

function profileOf(tables: PprofTables, name: string): Profile {
  const { strings, profile } = tables;
  const source: Source = {
    tables,
    text: (index) => {
      const found = strings[Number(index)];
      // Number 0 is the empty text, and may be left out where it is the only one.
      if (found === undefined && index !== 0) throw invalid(name, `it refers to string ${index} of ${strings.length}`);
      return found ?? '';
    },
    invalid: (reason) => invalid(name, reason),
  };
  if (tables.sampleTypes.length === 0) throw invalid(name, 'it names no sample types');
  const columns = columnsOf(source);
  const comments = commentReader(tables.comments.map(source.text));
  const periodBytes = source.text(tables.periodType(VALUE_TYPE.unit)) === 'bytes' ? int(profile(PROFILE.period)) : 0;
  const code = readCode(source, comments.isOurs);
  const samples = readSamples(source, columns, code.locationId, (heap, pid) =>
    isExactHeap(heap) ? 0 : (comments.meanBytesOf(heap, pid) ?? periodBytes),
  );

  const heaps = [...new Set(samples.map(({ labels }) => labels.heap))];
  const missing = SAMPLE_TYPES.filter((_, i) => columns[i] === -1).map(({ type }) => type);
  return {
    sampleTypes: SAMPLE_TYPES,
    samples,
    locations: code.locations,
    functions: code.functions,
    mappings: code.mappings,
    gauges: [],
    arenas: [],
    pools: [],
    pauses: [],
    marks: [],
    ledgers: [],
    collections: [],
    processes: comments.processes,
    moment: comments.moment,
    startedAtNs: big(profile(PROFILE.timeNanos)),
    durationNs: big(profile(PROFILE.durationNanos)),
    periodBytes,
    unknown: [...comments.unknown, ...(missing.length > 0 ? heaps.map((heap) => ({ heap, types: missing })) : [])],
    notices: comments.notices,
  };
}

function readSamples(
  source: Source,
  columns: readonly number[],
  locationId: (id: Varint) => number,
  meanBytesOf: (heap: string, pid: number) => number,
): Sample[] {
  const { tables, text } = source;
  const samples: Sample[] = [];
  const known = new Map<string, { readonly labels: Labels; readonly meanBytes: number }>();
  const readLabels = (ranges: readonly number[]) => {
    const pairs: (readonly [string, string])[] = [];
    for (let at = 0; at < ranges.length; at += 2) {
      const label = tables.label(ranges[at] ?? 0, ranges[at + 1] ?? 0);
      pairs.push([text(label(LABEL.key)), text(label(LABEL.text))]);
    }
    const labels = labelsOf(pairs);
    return { labels, meanBytes: meanBytesOf(labels.heap, labels.pid) };
  };
  tables.eachSample(({ locationIds, values, labels: ranges, labelsKey }) => {
    let found = known.get(labelsKey);
    if (found === undefined) {
      found = readLabels(ranges);
      known.set(labelsKey, found);
    }
    const own = valuesOf(values, columns, source);
    samples.push({
      stack: locationIds.map(locationId),
      values: own,
      ...heapVariances(own, found.meanBytes),
      labels: found.labels,
    });
  });
  return samples;
}

/** Functions, mappings and locations, with numbers of ours: other tools use 64-bit hashes, which do not fit into a number. */
function readCode({ tables, text, invalid }: Source, isOurs: boolean) {
  const numbered = (ids: readonly Varint[], what: string) => {
    const numbers = new Map(ids.map((id, i) => [id, i + 1]));
    return (id: Varint): number => {
      const known = numbers.get(id);
      if (known === undefined) throw invalid(`it refers to ${what} ${id}, which is not there`);
      return known;
    };
  };
  const functionId = numbered(
    tables.functions.map((fn) => fn(FUNCTION.id)),
    'function',
  );
  const mappingId = numbered(
    tables.mappings.map((mapping) => mapping(MAPPING.id)),
    'mapping',
  );
  const locationId = numbered(
    tables.locations.map(({ location }) => location(LOCATION.id)),
    'location',
  );

  const functions = new Map<number, FunctionInfo>();
  for (const fn of tables.functions) {
    const id = functionId(fn(FUNCTION.id));
    functions.set(id, {
      id,
      name: text(fn(FUNCTION.name)),
      systemName: text(fn(FUNCTION.systemName)),
      file: text(fn(FUNCTION.file)),
      startLine: int(fn(FUNCTION.startLine)),
    });
  }
  const mappings = tables.mappings.map(
    (mapping): Mapping => ({
      id: mappingId(mapping(MAPPING.id)),
      start: BigInt(mapping(MAPPING.start)),
      limit: BigInt(mapping(MAPPING.limit)),
      fileOffset: BigInt(mapping(MAPPING.fileOffset)),
      file: text(mapping(MAPPING.file)),
      buildId: text(mapping(MAPPING.buildId)),
      hasFunctions: mapping(MAPPING.hasFunctions) !== 0,
    }),
  );
  const locations = new Map<number, Location>();
  for (const { location, lines: written } of tables.locations) {
    const id = locationId(location(LOCATION.id));
    const lines = written.map((line) => ({
      functionId: functionId(line(LINE.functionId)),
      line: int(line(LINE.line)),
      column: int(line(LINE.column)),
    }));
    const mapping = location(LOCATION.mappingId) === 0 ? 0 : mappingId(location(LOCATION.mappingId));
    const address = BigInt(location(LOCATION.address));
    const kind = kindOf(functions.get(lines[0]?.functionId ?? 0), mapping, address, isOurs);
    // What our writer says so. Elsewhere it means functions that the linker made one.
    const approximate = kind === 'js' && location(LOCATION.isFolded) !== 0;
    locations.set(id, { id, mappingId: mapping, address, lines, kind, ...(approximate && { approximate }) });
  }
  return { functions, mappings, locations, locationId };
}

function valuesOf(values: readonly Varint[], columns: readonly number[], { tables, invalid }: Source): Values {
  const wanted = tables.sampleTypes.length;
  if (values.length !== wanted) throw invalid(`a sample has ${values.length} values for ${wanted} sample types`);
  const value = (column: number | undefined): number => int(values[column ?? -1] ?? 0);
  return [value(columns[0]), value(columns[1]), value(columns[2]), value(columns[3])];
}

/** A profile of a million call paths has a fifth of that; a gzip bomb has more. */
const MAX_RAW_BYTES = 256 << 20;

function unpacked(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length === 0) throw invalid(name, 'it is empty');
  if (bytes.length < 4 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const chunkSize = sizeWhenUnpacked(bytes);
  try {
    const raw = gunzipSync(bytes, { maxOutputLength: MAX_RAW_BYTES, chunkSize });
    if (raw.length === 0) throw invalid(name, 'it is empty');
    return raw;
  } catch (cause) {
    if (cause instanceof MemprofError) throw cause;
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const reason = `it unpacks to more than ${MAX_RAW_BYTES >> 20} MiB`;
    throw invalid(name, isTooLarge ? reason : 'its gzip stream is damaged or cut off', cause);
  }
}

/** No byte of deflate's stands for more. */
const MAX_RATIO = 1_032;

/** As gzip says at the end: in one piece, where that is true, a large profile is not put together from small ones. */
function sizeWhenUnpacked(bytes: Uint8Array): number {
  const said = new DataView(bytes.buffer, bytes.byteOffset + Math.max(0, bytes.length - 4)).getUint32(0, true);
  return Math.max(64 << 10, Math.min(said + 1, MAX_RAW_BYTES, MAX_RATIO * bytes.length));
}

function invalid(name: string, reason: string, cause?: unknown): MemprofError {
  return new MemprofError(`Cannot read ${name} as a pprof profile: ${reason}.`, {
    code: 'PPROF_INVALID',
    exitCode: EXIT.usage,
    hint: 'Give a recording directory, or a heap profile in the format of pprof (profile.pb.gz).',
    cause,
  });
}

/** Other profilers' names for our columns. A lone `space` or `objects` means what is in use. */
const COLUMN_NAMES: readonly (readonly string[])[] = [
  ['alloc_objects'],
  ['alloc_space', 'alloc_bytes'],
  ['inuse_objects', 'objects'],
  ['inuse_space', 'inuse_bytes', 'space'],
];

/** For each of our columns its place in the file, or -1. */
function columnsOf({ tables, text, invalid }: Source): number[] {
  const names = tables.sampleTypes.map((type) => text(type(VALUE_TYPE.type)));
  const indices = COLUMN_NAMES.map((known) => names.findIndex((name) => known.includes(name)));
  if (indices.every((index) => index === -1)) {
    throw invalid(`it is no heap profile, its sample types are ${names.join(', ')}`);
  }
  return indices;
}

const SCRIPT = /^(node:|file:|wasm:|https?:|evalmachine|webpack)|\.([cm]?[jt]sx?|vue|svelte)$/;

/** The engine's own code, which lies in the binary's. */
const BUILTIN = /^Builtins_/;

function kindOf(fn: FunctionInfo | undefined, mappingId: number, address: bigint, isOurs: boolean): Location['kind'] {
  const { name = '', systemName = '', file = '' } = fn ?? {};
  if (SCRIPT.test(file)) return 'js';
  if (mappingId !== 0) return BUILTIN.test(systemName) ? 'runtime' : 'native';
  if (address !== 0n) return 'runtime';
  // We write no such location but JavaScript without a file, and what we made up ourselves, which is in brackets.
  return isOurs && file === '' && !name.startsWith('[') ? 'js' : 'synthetic';
}

const TEXT_LABELS = ['arena', 'pool', 'stage', 'label', 'thread'] as const;

function labelsOf(pairs: readonly (readonly [key: string, value: string])[]): Labels {
  const given = new Map(pairs.filter(([, value]) => value !== ''));
  const tier = given.get('tier');
  const source = ARENA_SOURCES.find((known) => known === given.get('arena_source'));
  const texts = TEXT_LABELS.flatMap((key) => {
    const value = given.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    heap: given.get('heap') ?? 'heap',
    tier: tier === 'host-pinned' || tier === 'device' ? tier : 'host',
    pid: Number(given.get('pid') ?? 0) || 0,
    ...Object.fromEntries(texts),
    ...(source !== undefined && { arena_source: source }),
  };
}
