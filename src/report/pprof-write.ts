import { gzipSync } from 'node:zlib';
import {
  Function as PprofFunction,
  Label as PprofLabel,
  Line as PprofLine,
  Location as PprofLocation,
  Mapping as PprofMapping,
  Profile as PprofProfile,
  Sample as PprofSample,
  ValueType as PprofValueType,
  StringTable,
} from 'pprof-format';
import { LABEL_NAMES } from '../model/labels.js';
import type { FunctionInfo, Location, Mapping, Profile, Sample } from '../model/profile.js';
import type { ReportOptions } from './options.js';
import { commentsOf } from './pprof-comments.js';

/**
 * A gzipped pprof profile. Values are estimates scaled up to all allocations, rounded to whole numbers; what pprof has no field
 * for (version, notices, unknown columns, sampling of each process) is in the comments as `key: value`.
 */
export function writePprof(profile: Profile, options: ReportOptions): Uint8Array {
  const strings = new StringTable();
  const s = (text: string): number => strings.dedup(text);
  const mappings = mappingsOf(profile);
  const mainMapping = mappings[0]?.id ?? 0;
  const encoded = new PprofProfile({
    stringTable: strings,
    sampleType: profile.sampleTypes.map(({ type, unit }) => new PprofValueType({ type: s(type), unit: s(unit) })),
    sample: profile.samples.map((sample) => sampleOf(sample, s)),
    mapping: mappings.map((mapping) => mappingOf(mapping, s)),
    location: [...profile.locations.values()].map((location) => locationOf(location, mainMapping)),
    function: [...profile.functions.values()].map((fn) => functionOf(fn, s)),
    timeNanos: profile.startedAtNs,
    durationNanos: profile.durationNs,
    periodType: new PprofValueType({ type: s('space'), unit: s('bytes') }),
    period: toInt64(profile.periodBytes),
    comment: commentsOf(profile, options.summary.memprofVersion).map(s),
    defaultSampleType: s('inuse_space'),
  });
  return gzipSync(encoded.encode());
}

/** pprof takes the first mapping for the main binary: a profile without any gets one with the program's name. */
function mappingsOf(profile: Profile): readonly Mapping[] {
  if (profile.mappings.length > 0) return profile.mappings;
  const file = profile.processes[0]?.name ?? 'program';
  return [{ id: 1, start: 0n, limit: 0n, fileOffset: 0n, file, buildId: '', hasFunctions: true }];
}

function mappingOf(mapping: Mapping, s: (text: string) => number): PprofMapping {
  return new PprofMapping({
    id: mapping.id,
    memoryStart: mapping.start,
    memoryLimit: mapping.limit,
    fileOffset: mapping.fileOffset,
    filename: s(mapping.file),
    buildId: s(mapping.buildId),
    // Without it pprof would look for the binary on the reader's machine.
    hasFunctions: mapping.hasFunctions,
  });
}

function locationOf(location: Location, mainMapping: number): PprofLocation {
  // A location without address, mapping and lines is invalid; JavaScript runs inside the main binary.
  const mappingId = location.mappingId === 0 && location.lines.length === 0 ? mainMapping : location.mappingId;
  return new PprofLocation({
    id: location.id,
    mappingId,
    address: location.address,
    line: location.lines.map(({ functionId, line, column }) => new PprofLine({ functionId, line, column })),
  });
}

function functionOf(fn: FunctionInfo, s: (text: string) => number): PprofFunction {
  return new PprofFunction({
    id: fn.id,
    name: s(fn.name),
    systemName: s(fn.systemName),
    filename: s(fn.file),
    startLine: fn.startLine,
  });
}

function sampleOf(sample: Sample, s: (text: string) => number): PprofSample {
  const label = LABEL_NAMES.flatMap((key) => {
    const value = sample.labels[key];
    // Text even for pid: pprof would print a number with a unit.
    return value === undefined ? [] : [new PprofLabel({ key: s(key), str: s(String(value)) })];
  });
  return new PprofSample({ locationId: [...sample.stack], value: sample.values.map(toInt64), label });
}

const INT64_MAX = 2n ** 63n - 1n;

/** Numbers are enough up to 2^53; beyond, and below zero, the library wants bigints. */
function toInt64(value: number): number | bigint {
  const rounded = Math.round(value);
  if (rounded >= 0 && rounded <= Number.MAX_SAFE_INTEGER) return rounded;
  if (Number.isNaN(rounded)) return 0;
  if (!Number.isFinite(rounded)) return rounded > 0 ? INT64_MAX : -INT64_MAX;
  const big = BigInt(rounded);
  return big > INT64_MAX ? INT64_MAX : big < -INT64_MAX ? -INT64_MAX : big;
}
