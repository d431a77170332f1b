import { gunzipSync } from 'node:zlib';
import { Profile as PprofProfile } from 'pprof-format';
import { EXIT, MemprofError } from '../errors.js';
import type { FunctionInfo, Labels, Location, Mapping, Profile, Sample } from '../model/profile.js';
import { SAMPLE_TYPES } from '../model/profile.js';
import { commentReader } from './pprof-comments.js';
import { heapVariances, isExactHeap } from './pprof-variance.js';

type Numeric = number | bigint;

/** The library reads int64 as unsigned. */
const int = (value: Numeric): number => Number(BigInt.asIntN(64, BigInt(value)));
const big = (value: Numeric): bigint => BigInt.asIntN(64, BigInt(value));

/**
 * Reads a heap profile in pprof's format, gzipped or not: ours, Go's, tcmalloc's, @datadog/pprof's. Columns are found by name
 * (`inuse_space`, `space`, `objects`, `inuse_bytes`, ...); missing ones are named in `unknown`. pprof has no error bars: variances
 * are derived from the period, as sampling with that mean would give them.
 * Throws MemprofError with exit code 2 for anything that is not such a profile.
 */
export function readPprof(bytes: Uint8Array, source = 'the profile'): Profile {
  const decoded = decode(bytes, source);
  const strings = decoded.stringTable.strings;
  const text = (index: Numeric): string => {
    const found = strings[Number(index)];
    if (found === undefined) throw invalid(source, `it refers to string ${index} of ${strings.length}`);
    return found;
  };
  const indices = columnsOf(decoded, text, source);
  const comments = commentReader(decoded.comment.map(text));
  const periodBytes = text(decoded.periodType?.unit ?? 0) === 'bytes' ? int(decoded.period) : 0;

  const functionIds = numbering(decoded.function);
  const mappingIds = numbering(decoded.mapping);
  const locationIds = numbering(decoded.location);
  const idIn = (ids: ReadonlyMap<bigint, number>, id: Numeric, what: string): number => {
    const known = ids.get(BigInt(id));
    if (known === undefined) throw invalid(source, `it refers to ${what} ${id}, which is not there`);
    return known;
  };
  const functions = new Map<number, FunctionInfo>();
  for (const fn of decoded.function) {
    const id = idIn(functionIds, fn.id, 'function');
    functions.set(id, {
      id,
      name: text(fn.name),
      systemName: text(fn.systemName),
      file: text(fn.filename),
      startLine: int(fn.startLine),
    });
  }
  const mappings: Mapping[] = decoded.mapping.map((mapping) => ({
    id: idIn(mappingIds, mapping.id, 'mapping'),
    start: BigInt(mapping.memoryStart),
    limit: BigInt(mapping.memoryLimit),
    fileOffset: BigInt(mapping.fileOffset),
    file: text(mapping.filename),
    buildId: text(mapping.buildId),
    hasFunctions: mapping.hasFunctions,
  }));
  const locations = new Map<number, Location>();
  for (const location of decoded.location) {
    const id = idIn(locationIds, location.id, 'location');
    const lines = location.line.map(({ functionId, line, column }) => ({
      functionId: idIn(functionIds, functionId, 'function'),
      line: int(line),
      column: int(column),
    }));
    const mappingId = BigInt(location.mappingId) === 0n ? 0 : idIn(mappingIds, location.mappingId, 'mapping');
    const file = functions.get(lines[0]?.functionId ?? 0)?.file ?? '';
    const address = BigInt(location.address);
    locations.set(id, { id, mappingId, address, lines, kind: kindOf(file, mappingId, address) });
  }
  const samples = decoded.sample.map((sample): Sample => {
    if (sample.value.length !== decoded.sampleType.length) {
      throw invalid(source, `a sample has ${sample.value.length} values for ${decoded.sampleType.length} sample types`);
    }
    const stack = sample.locationId.map((id) => idIn(locationIds, id, 'location'));
    const [a = 0, b = 0, c = 0, d = 0] = indices.map((index) => int(sample.value[index] ?? 0));
    const values = [a, b, c, d] as const;
    const labels = labelsOf(sample.label.map(({ key, str }) => [text(key), text(str)] as const));
    const meanBytes = comments.meanBytesOf(labels.heap, labels.pid) ?? periodBytes;
    return { stack, values, ...heapVariances(values, isExactHeap(labels.heap) ? 0 : meanBytes), labels };
  });

  const heaps = [...new Set(samples.map(({ labels }) => labels.heap))];
  const missing = SAMPLE_TYPES.filter((_, i) => indices[i] === -1).map(({ type }) => type);
  return {
    sampleTypes: SAMPLE_TYPES,
    samples,
    locations,
    functions,
    mappings,
    gauges: [],
    processes: comments.processes,
    moment: comments.moment,
    startedAtNs: big(decoded.timeNanos),
    durationNs: big(decoded.durationNanos),
    periodBytes,
    unknown: [...comments.unknown, ...(missing.length > 0 ? heaps.map((heap) => ({ heap, types: missing })) : [])],
    notices: comments.notices,
  };
}

function decode(bytes: Uint8Array, source: string): PprofProfile {
  let raw = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      raw = gunzipSync(bytes);
    } catch (cause) {
      throw invalid(source, 'its gzip stream is damaged or cut off', cause);
    }
  }
  if (raw.length === 0) throw invalid(source, 'it is empty');
  try {
    const decoded = PprofProfile.decode(raw);
    if (decoded.sampleType.length > 0) return decoded;
  } catch (cause) {
    throw invalid(source, 'it is damaged or something else', cause);
  }
  throw invalid(source, 'it names no sample types');
}

function invalid(source: string, reason: string, cause?: unknown): MemprofError {
  return new MemprofError(`Cannot read ${source} as a pprof profile: ${reason}.`, {
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

function columnsOf(decoded: PprofProfile, text: (index: Numeric) => string, source: string): number[] {
  const names = decoded.sampleType.map(({ type }) => text(type));
  const indices = COLUMN_NAMES.map((known) => names.findIndex((name) => known.includes(name)));
  if (indices.every((index) => index === -1)) {
    throw invalid(source, `it is no heap profile, its sample types are ${names.join(', ')}`);
  }
  return indices;
}

/** Our own numbers for a table's ids: other tools use 64-bit hashes, which do not fit into a number. */
function numbering(table: readonly { readonly id: Numeric }[]): Map<bigint, number> {
  return new Map(table.map(({ id }, i) => [BigInt(id), i + 1]));
}

const SCRIPT = /^(node:|file:|wasm:|https?:|evalmachine|webpack)|\.([cm]?[jt]sx?|vue|svelte)$/;

function kindOf(file: string, mappingId: number, address: bigint): Location['kind'] {
  if (SCRIPT.test(file)) return 'js';
  if (mappingId !== 0) return 'native';
  return address === 0n ? 'synthetic' : 'runtime';
}

const TEXT_LABELS = ['arena', 'pool', 'stage', 'thread', 'arena_source'] as const;

function labelsOf(pairs: readonly (readonly [key: string, value: string])[]): Labels {
  const given = new Map(pairs.filter(([, value]) => value !== ''));
  const tier = given.get('tier');
  const texts = TEXT_LABELS.flatMap((key) => {
    const value = given.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    heap: given.get('heap') ?? 'heap',
    tier: tier === 'host-pinned' || tier === 'device' ? tier : 'host',
    pid: Number(given.get('pid') ?? 0) || 0,
    ...Object.fromEntries(texts),
  };
}
