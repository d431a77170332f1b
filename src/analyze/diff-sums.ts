import type { Profile, Sample, Values, ValueType } from '../model/profile.js';
import type { ProfileKeys } from './diff-keys.js';
import type { Group } from './group.js';
import type { Site } from './site-reader.js';
import { type Sampler, samplerOf, unseenBytes } from './unseen.js';

/** The sums of one profile by key, as numbers in one array: two profiles may have a hundred thousand keys. */
interface RunSums {
  readonly profile: Profile;
  /** `FIELDS` for each key. */
  readonly fields: Float64Array;
  /** The heaps of each key, a bit each, and its samplers. */
  readonly heaps: Uint32Array;
  readonly samplers: Uint8Array;
  readonly unseen: (samplers: ReadonlySet<Sampler>) => number;
}

/** Several profiles, summed by the same keys. */
export interface Sums {
  readonly keys: readonly string[];
  /** What a profile has under a key; undefined for nothing. */
  groupOf(run: number, key: number): Group | undefined;
  /** Nothing seen by a profile: of memory that is sampled there may still be some. `like` is what another profile has there. */
  noneOf(run: number, like: Group): Group;
  /** A column's sum, 0 for nothing. */
  valueOf(run: number, key: number, column: 0 | 1 | 2 | 3): number;
  /** Of a sample with that key, in the last profile that has one. */
  siteOf(key: number): Site;
}

const VALUES = 0;
const VARIANCES = 4;
const EXACT = 8;
const OBSERVATIONS = 12;
const FIELDS = 13;
const COLUMNS = [0, 1, 2, 3] as const;
const SAMPLER_BIT = { native: 1, v8: 2 } as const satisfies Record<Sampler, number>;
/** Heaps beyond share the last bit: only their number matters then. */
const MAX_HEAPS = 31;

/** Sums profiles by keys that mean the same in all of them. */
export function sumByKey(profiles: readonly Profile[], keysOf: (profile: Profile) => ProfileKeys): Sums {
  const { keys, numbers, examples } = numberKeys(profiles, keysOf);
  const heaps = numberHeaps(profiles);
  const runs = profiles.map((profile, run) => sumRun(profile, numbers[run] ?? new Uint32Array(), keys.length, heaps));
  const runOf = (run: number): RunSums => {
    const found = runs[run];
    if (found === undefined) throw new RangeError(`there is no run ${run}`);
    return found;
  };
  return {
    keys,
    valueOf: (run, key, column) => runOf(run).fields[key * FIELDS + VALUES + column] ?? 0,
    groupOf(run, key) {
      const { profile, fields, samplers, unseen, heaps: bits } = runOf(run);
      const bit = bits[key] ?? 0;
      if (bit === 0) return undefined;
      const found = [...heaps].filter(([, number]) => bit & (1 << number)).map(([heap]) => heap);
      const names = (Object.keys(SAMPLER_BIT) as Sampler[]).filter((name) => (samplers[key] ?? 0) & SAMPLER_BIT[name]);
      const at = key * FIELDS;
      return {
        name: keys[key] ?? '',
        values: four(fields, at + VALUES),
        variances: four(fields, at + VARIANCES),
        exact: four(fields, at + EXACT),
        observations: fields[at + OBSERVATIONS] ?? 0,
        unseenBytes: unseen(new Set(names)),
        share: 0,
        unknown: unknownOf(profile, found),
        ...(found.length === 1 && found[0] !== undefined && { heap: found[0] }),
      };
    },
    noneOf(run, like) {
      const { profile, unseen } = runOf(run);
      return {
        ...like,
        values: [0, 0, 0, 0],
        variances: [0, 0, 0, 0],
        exact: [0, 0, 0, 0],
        observations: 0,
        unseenBytes: unseen(samplersOf(like)),
        unknown: like.heap === undefined ? [] : unknownOf(profile, [like.heap]),
      };
    },
    siteOf(key) {
      const run = examples.run[key] ?? 0;
      const profile = profiles[run];
      const sample = profile?.samples[examples.sample[key] ?? 0];
      return profile === undefined || sample === undefined ? {} : keysOf(profile).siteOf(sample);
    },
  };
}

const four = (fields: Float64Array, at: number): Values => [
  fields[at] ?? 0,
  fields[at + 1] ?? 0,
  fields[at + 2] ?? 0,
  fields[at + 3] ?? 0,
];

function unknownOf({ unknown }: Profile, heaps: readonly string[]): ValueType['type'][] {
  return [...new Set(unknown.filter(({ heap }) => heaps.includes(heap)).flatMap(({ types }) => types))];
}

function samplersOf({ observations, heap }: Group): Set<Sampler> {
  if (observations === 0) return new Set();
  return heap === undefined ? new Set(['native', 'v8']) : new Set([heap === 'v8' ? 'v8' : 'native']);
}

function numberKeys(profiles: readonly Profile[], keysOf: (profile: Profile) => ProfileKeys) {
  const known = new Map<string, number>();
  const examples: { run: number[]; sample: number[] } = { run: [], sample: [] };
  const numbers = profiles.map((profile, run) => {
    const { keyOf } = keysOf(profile);
    const ofSample = new Uint32Array(profile.samples.length);
    for (const [at, sample] of profile.samples.entries()) {
      const key = keyOf(sample);
      let number = known.get(key);
      if (number === undefined) {
        number = known.size;
        known.set(key, number);
      }
      ofSample[at] = number;
      examples.run[number] = run;
      examples.sample[number] = at;
    }
    return ofSample;
  });
  return { keys: [...known.keys()], numbers, examples };
}

function numberHeaps(profiles: readonly Profile[]): Map<string, number> {
  const names = new Set<string>();
  for (const { samples } of profiles) for (const { labels } of samples) names.add(labels.heap);
  return new Map([...names].map((name, number) => [name, Math.min(number, MAX_HEAPS)]));
}

function sumRun(
  profile: Profile,
  numbers: Uint32Array,
  keys: number,
  heapNumbers: ReadonlyMap<string, number>,
): RunSums {
  const fields = new Float64Array(keys * FIELDS);
  const heaps = new Uint32Array(keys);
  const samplers = new Uint8Array(keys);
  const add = (at: number, value: number): void => {
    fields[at] = (fields[at] ?? 0) + value;
  };
  const addSample = (sample: Sample, key: number): void => {
    const at = key * FIELDS;
    for (const column of COLUMNS) {
      add(at + VALUES + column, sample.values[column]);
      add(at + VARIANCES + column, sample.variances[column]);
      if (sample.variances[column] === 0) add(at + EXACT + column, sample.values[column]);
    }
    add(at + OBSERVATIONS, sample.observations);
    heaps[key] = (heaps[key] ?? 0) | (1 << (heapNumbers.get(sample.labels.heap) ?? MAX_HEAPS));
    const sampler = samplerOf(sample);
    if (sampler !== undefined) samplers[key] = (samplers[key] ?? 0) | SAMPLER_BIT[sampler];
  };
  for (const [at, sample] of profile.samples.entries()) addSample(sample, numbers[at] ?? 0);
  return { profile, fields, heaps, samplers, unseen: unseenBytes(profile) };
}
