import { LOCATION, PROFILE, SAMPLE } from './pprof-fields.js';
import { createProtobufReader, type OnField, type ProtobufReader, type Varint } from './protobuf-read.js';

/** A message's varints by the number of their field; 0 where there is none. */
export type Scalars = (field: number) => Varint;

/** A pprof file as it is written: texts are numbers of `strings`, references are ids. */
export interface PprofTables {
  readonly strings: readonly string[];
  readonly sampleTypes: readonly Scalars[];
  readonly mappings: readonly Scalars[];
  readonly functions: readonly Scalars[];
  readonly locations: readonly { readonly location: Scalars; readonly lines: readonly Scalars[] }[];
  readonly comments: readonly Varint[];
  readonly periodType: Scalars;
  readonly profile: Scalars;
  readonly sampleCount: number;
  /** One by one, each only until the next: a server's profile has a hundred thousand. */
  readonly eachSample: (onSample: (sample: PprofSample) => void) => void;
  /** One of a sample's labels, by where it is. */
  readonly label: (start: number, end: number) => Scalars;
}

export interface PprofSample {
  readonly locationIds: readonly Varint[];
  readonly values: readonly Varint[];
  /** Where each label begins and ends, and all of it as a text: samples with the same have the same labels. */
  readonly labels: readonly number[];
  readonly labelsKey: string;
}

/** @throws RangeError if the bytes are no such message. */
export function decodePprof(bytes: Uint8Array): PprofTables {
  const reader = createProtobufReader(bytes);
  const scalars = (start: number, end: number): Scalars => scalarsOf(reader, start, end);
  const strings: string[] = [];
  const samples: number[] = [];
  const [sampleTypes, mappings, functions]: [Scalars[], Scalars[], Scalars[]] = [[], [], []];
  const locations: { location: Scalars; lines: Scalars[] }[] = [];
  const comments: Varint[] = [];
  const profile: Varint[] = [];
  let periodType: Scalars = () => 0;
  reader.fields(0, bytes.length, (field, value, start, end) => {
    switch (field) {
      case PROFILE.sampleType:
        return sampleTypes.push(scalars(start, end));
      case PROFILE.sample:
        return samples.push(start, end);
      case PROFILE.mapping:
        return mappings.push(scalars(start, end));
      case PROFILE.location:
        return locations.push(locationOf(reader, start, end));
      case PROFILE.function:
        return functions.push(scalars(start, end));
      case PROFILE.string:
        return strings.push(reader.text(start, end));
      case PROFILE.periodType:
        periodType = scalars(start, end);
        return;
      case PROFILE.comment:
        return repeated(reader, comments, value, start, end);
      default:
        if (field < MAX_FIELD) profile[field] = value;
    }
  });
  return {
    strings,
    sampleTypes,
    mappings,
    functions,
    locations,
    comments,
    periodType,
    profile: (field) => profile[field] ?? 0,
    sampleCount: samples.length / 2,
    eachSample(onSample) {
      const read = sampleReader(reader);
      for (let at = 0; at < samples.length; at += 2) onSample(read(samples[at] ?? 0, samples[at + 1] ?? 0));
    },
    label: scalars,
  };
}

function scalarsOf(reader: ProtobufReader, start: number, end: number): Scalars {
  const values: Varint[] = [];
  reader.fields(start, end, (field, value) => {
    if (field < MAX_FIELD) values[field] = value;
  });
  return (field) => values[field] ?? 0;
}

/** pprof's messages have fewer fields: a damaged number must not make a large array. */
const MAX_FIELD = 64;

function locationOf(reader: ProtobufReader, start: number, end: number) {
  const lines: Scalars[] = [];
  reader.fields(start, end, (field, _value, from, to) => {
    if (field === LOCATION.line) lines.push(scalarsOf(reader, from, to));
  });
  return { location: scalarsOf(reader, start, end), lines };
}

/** Repeated numbers come packed or one by one. */
function repeated(reader: ProtobufReader, list: Varint[], value: Varint, start: number, end: number): void {
  if (start === -1) list.push(value);
  else reader.packed(start, end, (one) => list.push(one));
}

function sampleReader(reader: ProtobufReader): (start: number, end: number) => PprofSample {
  const locationIds: Varint[] = [];
  const values: Varint[] = [];
  const labels: number[] = [];
  const pushLocation = (id: Varint) => locationIds.push(id);
  const onField: OnField = (field, value, start, end) => {
    if (field === SAMPLE.locationId) {
      if (start === -1) locationIds.push(value);
      else reader.packed(start, end, pushLocation);
    } else if (field === SAMPLE.value) repeated(reader, values, value, start, end);
    else if (field === SAMPLE.label && start !== -1) labels.push(start, end);
  };
  return (start, end) => {
    locationIds.length = 0;
    values.length = 0;
    labels.length = 0;
    reader.fields(start, end, onField);
    return { locationIds, values, labels, labelsKey: keyOf(reader, labels) };
  };
}

function keyOf(reader: ProtobufReader, labels: readonly number[]): string {
  let key = '';
  for (let at = 0; at < labels.length; at += 2) key += reader.key(labels[at] ?? 0, labels[at + 1] ?? 0);
  return key;
}
