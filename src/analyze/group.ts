import { addValues } from '../model/builder.js';
import { arenaName } from '../model/labels.js';
import { INUSE_SPACE, type Profile, type Sample, type Values, type ValueType } from '../model/profile.js';
import { describeSite, mergeSites, moduleOf } from './site.js';
import { type Site, siteReader } from './site-reader.js';
import { type Sampler, samplerOf, unseenBytes } from './unseen.js';

export const GROUPINGS = ['site', 'module', 'heap', 'pool', 'arena', 'stage', 'label', 'thread', 'process'] as const;
export type GroupBy = (typeof GROUPINGS)[number];

/** Sums over the samples of one group. */
export interface Group {
  readonly name: string;
  readonly values: Values;
  readonly variances: Values;
  /** The part of `values` that rests on samples without variance: measured, not estimated. */
  readonly exact: Values;
  readonly observations: number;
  /** So many bytes of small objects may be in the group without a sample of them; 0 if all of it was measured. */
  readonly unseenBytes: number;
  /** Part of the profile's whole, by the column that was sorted by: 0 to 1. */
  readonly share: number;
  /** Columns that are too small, because one of the group's heaps does not know them. */
  readonly unknown: readonly ValueType['type'][];
  /** Grouping by site only. */
  readonly site?: Site;
  readonly heap?: string;
}

/** Several groups of one name as one. That nothing of so many bytes was sampled is as unlikely in all of them together as in one. */
export function addGroups(groups: readonly Group[]): Group {
  const [first] = groups;
  if (first === undefined) throw new RangeError('there is no group to add up');
  const sum = (of: (group: Group) => Values): Values => groups.map(of).reduce(addValues);
  return {
    ...first,
    values: sum(({ values }) => values),
    variances: sum(({ variances }) => variances),
    exact: sum(({ exact }) => exact),
    observations: groups.reduce((all, { observations }) => all + observations, 0),
    unseenBytes: Math.max(...groups.map(({ unseenBytes }) => unseenBytes)),
    unknown: [...new Set(groups.flatMap(({ unknown }) => unknown))],
  };
}

interface Sums {
  readonly values: [number, number, number, number];
  readonly variances: [number, number, number, number];
  readonly exact: [number, number, number, number];
  readonly heaps: Set<string>;
  readonly samplers: Set<Sampler>;
  observations: number;
  site?: Site;
}

const COLUMNS = [0, 1, 2, 3] as const;
type Column = (typeof COLUMNS)[number];

/**
 * Sums all samples that share a key; the biggest group of `column` comes first.
 * @param count only so many of the biggest.
 */
export function group(
  profile: Profile,
  by: GroupBy,
  column: Column = INUSE_SPACE,
  count = Number.POSITIVE_INFINITY,
): Group[] {
  return groupByKeys(profile, keys(profile, by), column, count);
}

/** The same by a key of the caller's own, which becomes the name. */
export function groupByKey(
  profile: Profile,
  keyOf: KeyOf,
  column: Column = INUSE_SPACE,
  count = Number.POSITIVE_INFINITY,
): Group[] {
  return groupByKeys(profile, { keyOf }, column, count);
}

function groupByKeys(profile: Profile, { keyOf, siteOf }: Keys, column: Column, count: number): Group[] {
  const isWanted = biggest(profile, keyOf, column, count);
  const groups = new Map<string, Sums>();
  const unseen = unseenBytes(profile);
  let whole = 0;
  for (const [index, sample] of profile.samples.entries()) {
    whole += sample.values[column];
    if (!isWanted(index)) continue;
    const key = keyOf(sample);
    const site = siteOf?.(sample);
    let sums = groups.get(key);
    if (!sums) {
      sums = { ...emptySums(), ...(site && { site }) };
      groups.set(key, sums);
    } else if (sums.site && site) {
      sums.site = mergeSites(sums.site, site);
    }
    add(sums, sample);
  }
  return [...groups]
    .map(([key, sums]) => {
      const name = sums.site ? describeSite(sums.site) : key;
      return finish(profile, name, sums, { unseenBytes: unseen(sums.samplers), whole, column });
    })
    .sort((a, b) => Math.abs(b.values[column]) - Math.abs(a.values[column]) || compare(a.name, b.name))
    .slice(0, count);
}

/**
 * Tells by its index whether a sample is in one of the `count` biggest groups, or in one as big as the last of them. A large
 * program has tens of thousands of sites: the sums of all their columns would be most of the report's memory.
 */
function biggest(profile: Profile, keyOf: KeyOf, column: Column, count: number): (index: number) => boolean {
  const { samples } = profile;
  if (samples.length <= count) return () => true;
  const numbers = new Map<string, number>();
  const numberOfSample = new Uint32Array(samples.length);
  const sums = new Float64Array(samples.length);
  for (const [index, sample] of samples.entries()) {
    const key = keyOf(sample);
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
    }
    numberOfSample[index] = number;
    sums[number] = (sums[number] ?? 0) + sample.values[column];
  }
  const ascending = sums.subarray(0, numbers.size).map(Math.abs).sort();
  const least = ascending[ascending.length - count] ?? 0;
  return (index) => Math.abs(sums[numberOfSample[index] ?? 0] ?? 0) >= least;
}

/** The sum over every sample. */
export function total(profile: Profile): Group {
  const sums = emptySums();
  for (const sample of profile.samples) add(sums, sample);
  const unseen = unseenBytes(profile)(sums.samplers);
  return finish(profile, 'total', sums, { unseenBytes: unseen, whole: sums.values[INUSE_SPACE], column: INUSE_SPACE });
}

const emptySums = (): Sums => ({
  values: [0, 0, 0, 0],
  variances: [0, 0, 0, 0],
  exact: [0, 0, 0, 0],
  heaps: new Set(),
  samplers: new Set(),
  observations: 0,
});

function add(sums: Sums, sample: Sample): void {
  for (const i of COLUMNS) {
    sums.values[i] += sample.values[i];
    sums.variances[i] += sample.variances[i];
    if (sample.variances[i] === 0) sums.exact[i] += sample.values[i];
  }
  sums.observations += sample.observations;
  sums.heaps.add(sample.labels.heap);
  const sampler = samplerOf(sample);
  if (sampler !== undefined) sums.samplers.add(sampler);
}

interface Context {
  readonly unseenBytes: number;
  readonly whole: number;
  readonly column: Column;
}

function finish(profile: Profile, name: string, sums: Sums, { unseenBytes, whole, column }: Context): Group {
  const { heaps, samplers: _samplers, ...rest } = sums;
  const unknown = new Set(profile.unknown.filter(({ heap }) => heaps.has(heap)).flatMap(({ types }) => types));
  const [heap] = heaps;
  return {
    name,
    ...rest,
    unseenBytes,
    share: whole === 0 ? 0 : sums.values[column] / whole,
    unknown: [...unknown],
    ...(heaps.size === 1 && heap !== undefined && { heap }),
  };
}

// Not localeCompare: the order must not depend on the machine's language.
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export type KeyOf = (sample: Sample) => string;

interface Keys {
  readonly keyOf: KeyOf;
  /** Names the group, where the key is not for people. */
  readonly siteOf?: (sample: Sample) => Site;
}

function keys(profile: Profile, by: GroupBy): Keys {
  const severalProcesses = new Set(profile.samples.map(({ labels }) => labels.pid)).size > 1;
  const inProcess = (name: string, pid: number) => (severalProcesses ? `${name} [${pid}]` : name);
  switch (by) {
    case 'site': {
      const { keyOf, siteOf } = siteReader(profile);
      return {
        // One site may hold V8 objects and native memory: rows of different allocators are not the same thing.
        keyOf: ({ stack, labels }) => `${keyOf(stack)} ${labels.heap}`,
        siteOf: ({ stack }) => siteOf(stack),
      };
    }
    case 'module': {
      const { siteOf } = siteReader(profile);
      return { keyOf: ({ stack }) => moduleOf(siteOf(stack)) };
    }
    case 'heap':
      return { keyOf: ({ labels }) => labels.heap };
    case 'pool':
      return { keyOf: ({ labels }) => inProcess(labels.pool ?? `${labels.heap} (no pool)`, labels.pid) };
    case 'arena':
      return { keyOf: ({ labels }) => inProcess(arenaName(labels), labels.pid) };
    // The same stage of several processes is one stage.
    case 'stage':
      return { keyOf: ({ labels }) => labels.stage ?? '(no stage)' };
    case 'label':
      return { keyOf: ({ labels }) => labels.label ?? '(no label)' };
    case 'thread':
      return { keyOf: ({ labels }) => inProcess(labels.thread ?? '(unknown thread)', labels.pid) };
    case 'process': {
      const names = new Map(profile.processes.map((process) => [process.pid, process.name]));
      return { keyOf: ({ labels }) => `${names.get(labels.pid) ?? 'process'} [${labels.pid}]` };
    }
  }
}
