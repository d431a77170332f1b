import { createProfileBuilder, type ProfileBuilder } from '../model/builder.js';
import type { Labels, ProcessInfo, Profile, Sample, Values } from '../model/profile.js';
import { alignCode } from './diff-code.js';
import { threadName } from './diff-keys.js';
import type { Sides } from './diff-rows.js';

/** A difference as a profile: call paths with values that may be negative. Of several runs of a side the mean. */
export interface DifferenceProfile {
  readonly profile: Profile;
  /** The samples of the base: their values are negative. Empty where both sides are summed up. */
  readonly baseSamples: ReadonlySet<Sample>;
}

/**
 * `net`: now less base, one sample for each call path. `sides`: the samples of both, those of the base with a minus, from which a reader can
 * also tell how much there was. Call paths are the same if they go through the same code.
 */
export function differenceProfile(sides: Sides, kind: 'net' | 'sides'): DifferenceProfile {
  const all = [...sides.now, ...sides.base];
  const [first] = all;
  if (first === undefined) throw new RangeError('there is nothing to compare');
  const code = createProfileBuilder();
  const ids = alignCode(sides, code);
  const labels = alignedLabels(all);
  const sum = (builder: ProfileBuilder, profiles: readonly Profile[], sign: 1 | -1): void => {
    for (const profile of profiles) {
      addSamples(builder, profile, { weight: sign / profiles.length, idOf: ids(profile), labelsOf: labels(profile) });
    }
  };
  const [samples, others] = [createProfileBuilder(), createProfileBuilder()];
  sum(samples, sides.now, 1);
  sum(kind === 'net' ? samples : others, sides.base, -1);
  const rest = restOf(first, all);
  const base = others.build(rest).samples;
  const found = samples.build(rest).samples;
  const profile = {
    ...code.build(rest),
    samples: kind === 'net' ? found.filter(({ values }) => values.some((value) => value !== 0)) : [...found, ...base],
  };
  return { profile, baseSamples: new Set(base) };
}

interface Alignment {
  readonly weight: number;
  readonly idOf: (locationId: number) => number;
  readonly labelsOf: (labels: Labels) => Labels;
}

function addSamples(builder: ProfileBuilder, { samples }: Profile, { weight, idOf, labelsOf }: Alignment): void {
  for (const { stack, values, variances, labels, observations } of samples) {
    builder.addSample({
      stack: stack.map(idOf),
      values: scaled(values, weight),
      variances: scaled(variances, weight * weight),
      labels: labelsOf(labels),
      observations,
    });
  }
}

const scaled = ([a, b, c, d]: Values, by: number): Values => [a * by, b * by, c * by, d * by];

/** Of gauges, lives of arenas and pauses there is no difference here. */
function restOf(first: Profile, all: readonly Profile[]): Parameters<ProfileBuilder['build']>[0] {
  const unknown = new Map(all.flatMap((profile) => profile.unknown.map((one) => [JSON.stringify(one), one] as const)));
  const { moment, startedAtNs, durationNs, periodBytes } = first;
  return {
    gauges: [],
    pauses: [],
    collections: [],
    marks: [],
    ledgers: [],
    arenas: [],
    pools: [],
    processes: processesOf(all),
    moment,
    startedAtNs,
    durationNs,
    periodBytes,
    unknown: [...unknown.values()],
    notices: [],
  };
}

/** One of each name: processes are the same by name. */
function processesOf(profiles: readonly Profile[]): ProcessInfo[] {
  const byName = new Map<string, ProcessInfo>();
  for (const { processes } of profiles) {
    for (const process of processes) if (!byName.has(process.name)) byName.set(process.name, process);
  }
  return [...byName.values()];
}

/** Labels that are the same in all runs. How an arena was found out may differ, and is no difference. */
function alignedLabels(all: readonly Profile[]): (profile: Profile) => (labels: Labels) => Labels {
  const pidOfName = new Map(processesOf(all).map(({ name, pid }) => [name, pid]));
  return ({ processes }) => {
    const names = new Map(processes.map(({ pid, name }) => [pid, name]));
    const known = new Map<Labels, Labels>();
    return (labels) => {
      let aligned = known.get(labels);
      if (aligned === undefined) {
        const { arena_source: _source, thread, ...rest } = labels;
        const pid = pidOfName.get(names.get(labels.pid) ?? '') ?? 0;
        aligned = { ...rest, ...(thread !== undefined && { thread: threadName(thread) }), pid };
        known.set(labels, aligned);
      }
      return aligned;
    };
  };
}
