import { labelsKey } from '../model/labels.js';
import {
  ALLOC_SPACE,
  type FunctionInfo,
  INUSE_SPACE,
  type Labels,
  type Location,
  type Profile,
  type Sample,
} from '../model/profile.js';

/** speedscope needs 0.7 s for 10,000 stacks and 7 s for 100,000. */
export const SPEEDSCOPE_MAX_STACKS = 20_000;
/** Continuous profilers commonly refuse a profile with more than 4,000 samples. */
export const COMPACT_MAX_STACKS = 4_000;

/**
 * Keeps the biggest `maxStacks` samples and folds the others into one `[folded: N small stacks]` for each set of labels, so
 * that no total changes. A profile that is small enough comes back as it is. A notice says how many were folded; where there
 * are more label sets than places, the result has one sample for each of those beyond the cap.
 */
export function fold(profile: Profile, maxStacks: number): Profile {
  if (profile.samples.length <= maxStacks) return profile;
  const ordered = [...profile.samples].sort((a, b) => weight(b) - weight(a));
  const labelSets = new Set(ordered.slice(maxStacks).map(({ labels }) => labelsKey(labels)));
  const keep = Math.max(0, maxStacks - labelSets.size);
  const small = ordered.slice(keep);

  const bySet = new Map<string, { labels: Labels; samples: Sample[] }>();
  for (const sample of small) {
    const key = labelsKey(sample.labels);
    const set = bySet.get(key);
    if (set) set.samples.push(sample);
    else bySet.set(key, { labels: sample.labels, samples: [sample] });
  }

  const functions = new Map<number, FunctionInfo>(profile.functions);
  const locations = new Map<number, Location>(profile.locations);
  const idsByName = new Map<string, number>();
  let nextFunctionId = maxKey(functions) + 1;
  let nextLocationId = maxKey(locations) + 1;
  const locationFor = (name: string): number => {
    const known = idsByName.get(name);
    if (known !== undefined) return known;
    const functionId = nextFunctionId++;
    const id = nextLocationId++;
    functions.set(functionId, { id: functionId, name, systemName: name, file: '', startLine: 0 });
    locations.set(id, {
      id,
      mappingId: 0,
      address: 0n,
      lines: [{ functionId, line: 0, column: 0 }],
      kind: 'synthetic',
    });
    idsByName.set(name, id);
    return id;
  };

  const folded = [...bySet.values()].map(({ labels, samples }) =>
    sum(samples, labels, locationFor(`[folded: ${samples.length} small stacks]`)),
  );
  const notice = {
    code: 'STACKS_FOLDED',
    message: `${small.length} small stacks of ${profile.samples.length} are folded together; their totals are kept.`,
  };
  return {
    ...profile,
    samples: [...ordered.slice(0, keep), ...folded],
    functions,
    locations,
    notices: [...profile.notices, notice],
  };
}

const weight = (sample: Sample): number =>
  Math.abs(sample.values[INUSE_SPACE]) + Math.abs(sample.values[ALLOC_SPACE]) * 1e-6;

function maxKey(map: ReadonlyMap<number, unknown>): number {
  let max = 0;
  for (const key of map.keys()) max = Math.max(max, key);
  return max;
}

function sum(samples: readonly Sample[], labels: Labels, locationId: number): Sample {
  const values: [number, number, number, number] = [0, 0, 0, 0];
  const variances: [number, number, number, number] = [0, 0, 0, 0];
  let observations = 0;
  for (const sample of samples) {
    for (const i of [0, 1, 2, 3] as const) {
      values[i] += sample.values[i];
      variances[i] += sample.variances[i];
    }
    observations += sample.observations;
  }
  return { stack: [locationId], values, variances, labels, observations };
}
