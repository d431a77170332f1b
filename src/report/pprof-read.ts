import { gunzipSync } from 'node:zlib';
import { Profile as PprofProfile } from 'pprof-format';
import { EXIT, MemprofError } from '../errors.js';
import { ARENA_SOURCES } from '../model/arenas.js';
import type { FunctionInfo, Labels, Location, Mapping, Profile, Sample, Values } from '../model/profile.js';
import { SAMPLE_TYPES } from '../model/profile.js';
import { commentReader } from './pprof-comments.js';
import { heapVariances, isExactHeap } from './pprof-variance.js';

type Numeric = number | bigint;

/** The library reads int64 as unsigned. */
const int = (value: Numeric): number => Number(BigInt.asIntN(64, BigInt(value)));
const big = (value: Numeric): bigint => BigInt.asIntN(64, BigInt(value));

/** A decoded file with what its numbers refer to. */
interface Source {
  readonly decoded: PprofProfile;
  readonly text: (index: Numeric) => string;
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
  const decoded = decode(bytes, name);
  const { strings } = decoded.stringTable;
  const source: Source = {
    decoded,
    text: (index) => {
      const found = strings[Number(index)];
      if (found === undefined) throw invalid(name, `it refers to string ${index} of ${strings.length}`);
      return found;
    },
    invalid: (reason) => invalid(name, reason),
  };
  const columns = columnsOf(source);
  const comments = commentReader(decoded.comment.map(source.text));
  const periodBytes = source.text(decoded.periodType?.unit ?? 0) === 'bytes' ? int(decoded.period) : 0;
  const code = readCode(source, comments.isOurs);
  const samples = decoded.sample.map((sample): Sample => {
    const labels = labelsOf(sample.label.map(({ key, str }) => [source.text(key), source.text(str)] as const));
    const values = valuesOf(sample.value, columns, source);
    const meanBytes = comments.meanBytesOf(labels.heap, labels.pid) ?? periodBytes;
    return {
      stack: sample.locationId.map(code.locationId),
      values,
      ...heapVariances(values, isExactHeap(labels.heap) ? 0 : meanBytes),
      labels,
    };
  });

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
    collections: [],
    marks: [],
    ledgers: [],
    processes: comments.processes,
    moment: comments.moment,
    startedAtNs: big(decoded.timeNanos),
    durationNs: big(decoded.durationNanos),
    periodBytes,
    unknown: [...comments.unknown, ...(missing.length > 0 ? heaps.map((heap) => ({ heap, types: missing })) : [])],
    notices: comments.notices,
  };
}

/** Functions, mappings and locations, with numbers of ours: other tools use 64-bit hashes, which do not fit into a number. */
function readCode({ decoded, text, invalid }: Source, isOurs: boolean) {
  const numbered = (table: readonly { readonly id: Numeric }[], what: string) => {
    const ids = new Map(table.map(({ id }, i) => [BigInt(id), i + 1]));
    return (id: Numeric): number => {
      const known = ids.get(BigInt(id));
      if (known === undefined) throw invalid(`it refers to ${what} ${id}, which is not there`);
      return known;
    };
  };
  const functionId = numbered(decoded.function, 'function');
  const mappingId = numbered(decoded.mapping, 'mapping');
  const locationId = numbered(decoded.location, 'location');

  const functions = new Map<number, FunctionInfo>();
  for (const fn of decoded.function) {
    const id = functionId(fn.id);
    const [name, systemName, file] = [text(fn.name), text(fn.systemName), text(fn.filename)];
    functions.set(id, { id, name, systemName, file, startLine: int(fn.startLine) });
  }
  const mappings = decoded.mapping.map(
    (mapping): Mapping => ({
      id: mappingId(mapping.id),
      start: BigInt(mapping.memoryStart),
      limit: BigInt(mapping.memoryLimit),
      fileOffset: BigInt(mapping.fileOffset),
      file: text(mapping.filename),
      buildId: text(mapping.buildId),
      hasFunctions: mapping.hasFunctions,
    }),
  );
  const locations = new Map<number, Location>();
  for (const location of decoded.location) {
    const id = locationId(location.id);
    const lines = location.line.map((line) => ({
      functionId: functionId(line.functionId),
      line: int(line.line),
      column: int(line.column),
    }));
    const mapping = BigInt(location.mappingId) === 0n ? 0 : mappingId(location.mappingId);
    const address = BigInt(location.address);
    const kind = kindOf(functions.get(lines[0]?.functionId ?? 0), mapping, address, isOurs);
    // What our writer says so. Elsewhere it means functions that the linker made one.
    const approximate = kind === 'js' && location.isFolded;
    locations.set(id, { id, mappingId: mapping, address, lines, kind, ...(approximate && { approximate }) });
  }
  return { functions, mappings, locations, locationId };
}

function valuesOf(values: readonly Numeric[], columns: readonly number[], { decoded, invalid }: Source): Values {
  const wanted = decoded.sampleType.length;
  if (values.length !== wanted) throw invalid(`a sample has ${values.length} values for ${wanted} sample types`);
  const [a = 0, b = 0, c = 0, d = 0] = columns.map((column) => int(values[column] ?? 0));
  return [a, b, c, d];
}

/** A profile of a million call paths has a fifth of that; a gzip bomb has more. */
const MAX_RAW_BYTES = 256 << 20;

function decode(bytes: Uint8Array, name: string): PprofProfile {
  let raw = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      raw = gunzipSync(bytes, { maxOutputLength: MAX_RAW_BYTES });
    } catch (cause) {
      const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      const reason = `it unpacks to more than ${MAX_RAW_BYTES >> 20} MiB`;
      throw invalid(name, isTooLarge ? reason : 'its gzip stream is damaged or cut off', cause);
    }
  }
  if (raw.length === 0) throw invalid(name, 'it is empty');
  try {
    const decoded = PprofProfile.decode(raw);
    if (decoded.sampleType.length > 0) return decoded;
  } catch (cause) {
    throw invalid(name, 'it is damaged or something else', cause);
  }
  throw invalid(name, 'it names no sample types');
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
function columnsOf({ decoded, text, invalid }: Source): number[] {
  const names = decoded.sampleType.map(({ type }) => text(type));
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
