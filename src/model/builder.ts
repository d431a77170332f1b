import { labelsKey } from './labels.js';
import {
  type FunctionInfo,
  type Labels,
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
  const samples = new Map<string, Sample>();
  const ids = new Map<string, number>();

  /** Calls `add` with a new id the first time a key of this kind is seen. */
  function intern(kind: string, key: readonly unknown[], next: number, add: (id: number) => void): number {
    const text = `${kind}\0${key.join('\0')}`;
    const known = ids.get(text);
    if (known !== undefined) return known;
    ids.set(text, next);
    add(next);
    return next;
  }

  return {
    addMapping: (mapping) =>
      intern(
        'mapping',
        [mapping.start, mapping.limit, mapping.fileOffset, mapping.file, mapping.buildId],
        mappings.length + 1,
        (id) => mappings.push({ id, ...mapping }),
      ),
    addFunction: (fn) =>
      intern('function', [fn.name, fn.systemName, fn.file, fn.startLine], functions.size + 1, (id) =>
        functions.set(id, { id, ...fn }),
      ),
    addLocation: (location) =>
      intern(
        'location',
        [
          location.kind,
          location.mappingId,
          location.address,
          ...location.lines.flatMap((line) => [line.functionId, line.line, line.column]),
        ],
        locations.size + 1,
        (id) => locations.set(id, { id, ...location }),
      ),
    addSample(sample) {
      const key = sampleKey(sample.stack, sample.labels);
      const known = samples.get(key);
      samples.set(key, known === undefined ? sample : sum(known, sample));
    },
    build: (rest) => ({
      sampleTypes: SAMPLE_TYPES,
      samples: [...samples.values()],
      locations,
      functions,
      mappings,
      ...rest,
    }),
  };
}

function sampleKey(stack: readonly number[], labels: Labels): string {
  return `${stack.join(',')}\0${labelsKey(labels)}`;
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
