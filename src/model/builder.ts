import { labelsKey } from './labels.js';
import { numberByText } from './numbering.js';
import {
  type FunctionInfo,
  type Location,
  type Mapping,
  type Profile,
  SAMPLE_TYPES,
  type Sample,
  type Values,
} from './profile.js';

/** Collects a profile. Equal mappings, functions, locations and samples become one; the values of equal samples are added up. */
export interface ProfileBuilder {
  /** These three return the id, from 1; the same content gets the same id. */
  addMapping(mapping: Omit<Mapping, 'id'>): number;
  addFunction(fn: Omit<FunctionInfo, 'id'>): number;
  addLocation(location: Omit<Location, 'id'>): number;
  addSample(sample: Sample): void;
  /** What the builder does not collect is given here. */
  build(rest: Omit<Profile, 'sampleTypes' | 'samples' | 'locations' | 'functions' | 'mappings'>): Profile;
}

export function createProfileBuilder(): ProfileBuilder {
  const mappings: Mapping[] = [];
  const functions = new Map<number, FunctionInfo>();
  const locations = new Map<number, Location>();
  const samples: Sample[] = [];
  /** Numbers in `samples` by a hash of stack and labels, and of each the next with the same hash. */
  const firstOfHash = new Map<number, number>();
  const nextOfHash: number[] = [];
  const labelsNumber = numberByText(labelsKey);
  const mappingIds = new Map<string, number>();
  const functionIds = new Map<string, number>();
  const locationIds = new Map<string, number>();

  /** Calls `add` with a new id the first time a key is seen. */
  function intern(ids: Map<string, number>, key: string, add: (id: number) => void): number {
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = ids.size + 1;
    ids.set(key, id);
    add(id);
    return id;
  }

  return {
    addMapping(mapping) {
      const { start, limit, fileOffset, file, buildId } = mapping;
      const key = `${start}\0${limit}\0${fileOffset}\0${file}\0${buildId}`;
      return intern(mappingIds, key, (id) => mappings.push({ id, ...mapping }));
    },
    addFunction(fn) {
      const key = `${fn.name}\0${fn.systemName}\0${fn.file}\0${fn.startLine}`;
      return intern(functionIds, key, (id) => functions.set(id, { id, ...fn }));
    },
    addLocation(location) {
      const { kind, mappingId, address, approximate = false } = location;
      let key = `${kind} ${mappingId} ${address} ${approximate}`;
      for (const { functionId, line, column } of location.lines) key += ` ${functionId} ${line} ${column}`;
      return intern(locationIds, key, (id) => locations.set(id, { id, ...location }));
    },
    addSample(sample) {
      const labels = labelsNumber(sample.labels);
      const hash = hashOf(sample.stack, labels);
      const first = firstOfHash.get(hash) ?? -1;
      for (let at = first; at !== -1; at = nextOfHash[at] ?? -1) {
        const known = samples[at];
        if (known === undefined || labelsNumber(known.labels) !== labels || !isSame(known.stack, sample.stack))
          continue;
        samples[at] = sum(known, sample);
        return;
      }
      firstOfHash.set(hash, samples.length);
      nextOfHash.push(first);
      samples.push(sample);
    },
    build: (rest) => ({
      sampleTypes: SAMPLE_TYPES,
      samples,
      locations,
      functions,
      mappings,
      ...rest,
    }),
  };
}

/** FNV-1a over whole numbers. */
function hashOf(stack: readonly number[], labels: number): number {
  let hash = 0x811c9dc5 ^ labels;
  for (const id of stack) hash = Math.imul(hash ^ id, 0x01000193);
  // A number that V8 stores in place.
  return (hash ^ (hash >>> 15)) & 0x3fffffff;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function sum(a: Sample, b: Sample): Sample {
  return {
    ...a,
    values: addValues(a.values, b.values),
    variances: addValues(a.variances, b.variances),
    observations: a.observations + b.observations,
  };
}

/** Column by column. */
export function addValues(a: Values, b: Values): Values {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]];
}
