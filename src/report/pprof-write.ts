import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';
import { framesOf, placeOf } from '../model/frames.js';
import { LABEL_NAMES, labelPairs } from '../model/labels.js';
import type { FunctionInfo, Location, Mapping, Profile, Sample } from '../model/profile.js';
import type { PathOptions } from './options.js';
import { commentsOf } from './pprof-comments.js';
import { FUNCTION, LABEL, LINE, LOCATION, MAPPING, PROFILE, SAMPLE, VALUE_TYPE } from './pprof-fields.js';
import { createProtobufWriter, type ProtobufWriter } from './protobuf.js';

const APPROXIMATE_LINE = 'approximate_line';

/**
 * A gzipped pprof profile. Values are estimates scaled up to all allocations, rounded to whole numbers; what pprof has no field
 * for (version, notices, unknown columns, sampling of each process) is in the comments as `key: value`.
 */
export function writePprof(profile: Profile, options: PathOptions): Uint8Array {
  return gzipSync(encodePprof(profile, options));
}

const gzipInBackground = promisify(gzip);

/** The same bytes, packed by another thread while the caller does something else. */
export function writePprofInBackground(profile: Profile, options: PathOptions): Promise<Uint8Array> {
  return gzipInBackground(encodePprof(profile, options));
}

function encodePprof(profile: Profile, options: PathOptions): Uint8Array {
  const out = createProtobufWriter();
  const { strings, s } = createStringTable();
  const valueType = (field: number, type: string, unit: string): void =>
    out.message(field, () => {
      out.integer(VALUE_TYPE.type, s(type));
      out.integer(VALUE_TYPE.unit, s(unit));
    });
  for (const { type, unit } of profile.sampleTypes) valueType(PROFILE.sampleType, type, unit);
  writeSamples(out, profile, options, s);
  const mappings = mappingsOf(profile);
  for (const mapping of mappings) writeMapping(out, mapping, s);
  for (const location of profile.locations.values()) writeLocation(out, location, mappings[0]?.id ?? 0);
  for (const fn of profile.functions.values()) writeFunction(out, fn, s);
  out.integer(PROFILE.timeNanos, profile.startedAtNs);
  out.integer(PROFILE.durationNanos, profile.durationNs);
  valueType(PROFILE.periodType, 'space', 'bytes');
  out.integer(PROFILE.period, toInt64(profile.periodBytes));
  out.packed(PROFILE.comment, commentsOf(profile, options.summary.memprofVersion).map(s));
  out.integer(PROFILE.defaultSampleType, s('inuse_space'));
  for (const text of strings) out.text(PROFILE.string, text);
  return out.bytes();
}

type StringNumber = (text: string) => number;

/** Number 0 is the empty string. */
function createStringTable(): { strings: readonly string[]; s: StringNumber } {
  const strings = [''];
  const numbers = new Map([['', 0]]);
  return {
    strings,
    s(text) {
      let number = numbers.get(text);
      if (number === undefined) {
        number = strings.push(text) - 1;
        numbers.set(text, number);
      }
      return number;
    },
  };
}

/** pprof takes the first mapping for the main binary: a profile without any gets one with the program's name. */
function mappingsOf(profile: Profile): readonly Mapping[] {
  if (profile.mappings.length > 0) return profile.mappings;
  const file = profile.processes[0]?.name ?? 'program';
  return [{ id: 1, start: 0n, limit: 0n, fileOffset: 0n, file, buildId: '', hasFunctions: true }];
}

function writeMapping(out: ProtobufWriter, mapping: Mapping, s: StringNumber): void {
  out.message(PROFILE.mapping, () => {
    out.integer(MAPPING.id, mapping.id);
    out.integer(MAPPING.start, mapping.start);
    out.integer(MAPPING.limit, mapping.limit);
    out.integer(MAPPING.fileOffset, mapping.fileOffset);
    out.integer(MAPPING.file, s(mapping.file));
    out.integer(MAPPING.buildId, s(mapping.buildId));
    // Without it pprof would look for the binary on the reader's machine.
    out.integer(MAPPING.hasFunctions, mapping.hasFunctions ? 1 : 0);
  });
}

function writeLocation(out: ProtobufWriter, location: Location, mainMapping: number): void {
  out.message(PROFILE.location, () => {
    out.integer(LOCATION.id, location.id);
    // A location without address, mapping and lines is invalid; JavaScript runs inside the main binary.
    const isBare = location.mappingId === 0 && location.lines.length === 0;
    out.integer(LOCATION.mappingId, isBare ? mainMapping : location.mappingId);
    out.integer(LOCATION.address, location.address);
    for (const { functionId, line, column } of location.lines) {
      out.message(LOCATION.line, () => {
        out.integer(LINE.functionId, functionId);
        out.integer(LINE.line, line);
        out.integer(LINE.column, column);
      });
    }
    // profile.proto has this flag for a location whose line is one of several possible ones: nothing else comes as near to "approximate".
    if (location.approximate) out.integer(LOCATION.isFolded, 1);
  });
}

function writeFunction(out: ProtobufWriter, fn: FunctionInfo, s: StringNumber): void {
  out.message(PROFILE.function, () => {
    out.integer(FUNCTION.id, fn.id);
    out.integer(FUNCTION.name, s(fn.name));
    out.integer(FUNCTION.systemName, s(fn.systemName));
    out.integer(FUNCTION.file, s(fn.file));
    out.integer(FUNCTION.startLine, fn.startLine);
  });
}

/** By this label pprof tells the base of a difference, and gives percentages of it. */
const DIFF_BASE = { key: 'pprof::base', value: 'true' } as const;

function writeSamples(out: ProtobufWriter, profile: Profile, { baseSamples }: PathOptions, s: StringNumber): void {
  const text = (key: string, value: string): void =>
    out.message(SAMPLE.label, () => {
      out.integer(LABEL.key, s(key));
      out.integer(LABEL.text, s(value));
    });
  const placesOf = approximatePlaces(profile);
  for (const sample of profile.samples) {
    out.message(PROFILE.sample, () => {
      out.packed(SAMPLE.locationId, sample.stack);
      out.packed(SAMPLE.value, sample.values.map(toInt64));
      for (const key of LABEL_NAMES) {
        const value = sample.labels[key];
        // Text even for pid: pprof would print a number with a unit.
        if (value !== undefined) text(key, String(value));
      }
      for (const [key, value] of labelPairs(sample.labels.label ?? '')) text(ownKey(key), value);
      for (const place of placesOf(sample)) text(APPROXIMATE_LINE, place);
      if (baseSamples?.has(sample)) text(DIFF_BASE.key, DIFF_BASE.value);
    });
  }
}

const OUR_KEYS: ReadonlySet<string> = new Set([...LABEL_NAMES, APPROXIMATE_LINE]);

/** A label of the program's own under its own key, `tenant`; one that would be taken for ours is `label.pid`. */
const ownKey = (key: string): string => (OUR_KEYS.has(key) ? `label.${key}` : key);

/** Approximate lines of a call path, once each, as `file:~line`: pprof shows no flags of locations, but it lists labels. */
function approximatePlaces(profile: Profile): (sample: Sample) => readonly string[] {
  const places = new Map<number, string>();
  for (const location of profile.locations.values()) {
    if (location.approximate) for (const frame of framesOf(profile, location)) places.set(location.id, placeOf(frame));
  }
  if (places.size === 0) return () => [];
  return ({ stack }) => [...new Set(stack.flatMap((id) => places.get(id) ?? []))];
}

const INT64_MAX = 2n ** 63n - 1n;

/** Numbers are exact up to 2^53; beyond, and below zero, bigints are. */
function toInt64(value: number): number | bigint {
  const rounded = Math.round(value);
  if (rounded >= 0 && rounded <= Number.MAX_SAFE_INTEGER) return rounded;
  if (Number.isNaN(rounded)) return 0;
  if (!Number.isFinite(rounded)) return rounded > 0 ? INT64_MAX : -INT64_MAX;
  const big = BigInt(rounded);
  return big > INT64_MAX ? INT64_MAX : big < -INT64_MAX ? -INT64_MAX : big;
}
