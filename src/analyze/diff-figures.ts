import type { Profile } from '../model/profile.js';
import type { Diff } from '../schema/diff.js';
import { changeOfReadings, type Reading } from './diff-change.js';

type Figure = Diff['figures'][number];

interface Measure {
  readonly name: string;
  readonly unit: Figure['unit'];
  /** undefined where the profile does not tell. */
  readonly of: (profile: Profile) => number | undefined;
}

const peak = (points: readonly { readonly value: number }[]): number =>
  points.reduce((most, { value }) => Math.max(most, value), 0);
const last = (points: readonly { readonly value: number }[]): number => points.at(-1)?.value ?? 0;

/** The sum over the processes of a gauge's one number. */
function sumOfGauge(name: string, of: typeof peak): Measure['of'] {
  return ({ gauges }) => {
    const found = gauges.filter((gauge) => gauge.name === name && gauge.points.length > 0);
    return found.length === 0 ? undefined : found.reduce((sum, { points }) => sum + of(points), 0);
  };
}

const MEASURES: readonly Measure[] = [
  { name: 'peak RSS', unit: 'bytes', of: sumOfGauge('rss', peak) },
  { name: 'RSS at the end', unit: 'bytes', of: sumOfGauge('rss', last) },
  { name: 'major page faults', unit: 'count', of: sumOfGauge('major_faults', last) },
  { name: 'GC pauses', unit: 'count', of: (profile) => ofCollections(profile, ({ pauses }) => pauses) },
  { name: 'GC pauses in all', unit: 'nanoseconds', of: (profile) => ofCollections(profile, ({ totalNs }) => totalNs) },
  { name: 'GC pause p99', unit: 'nanoseconds', of: pauseP99 },
];

function ofCollections({ collections }: Profile, of: (use: Profile['collections'][number]) => number) {
  return collections.length === 0 ? undefined : collections.reduce((sum, use) => sum + of(use), 0);
}

/** Of all isolates together. The profile has the longest pauses, if not all. */
function pauseP99(profile: Profile): number | undefined {
  const count = ofCollections(profile, ({ pauses }) => pauses);
  if (count === undefined) return undefined;
  const longer = Math.floor(count / 100);
  return profile.pauses.map(({ durationNs }) => durationNs).sort((a, b) => b - a)[longer];
}

/** What a run has one number of, where every run of both sides has it. */
export function diffFigures(base: readonly Profile[], now: readonly Profile[]): Figure[] {
  return MEASURES.flatMap(({ name, unit, of }) => {
    const [before, after] = [readings(base, of), readings(now, of)];
    if (before === undefined || after === undefined) return [];
    return [{ name, unit, ...changeOfReadings(before, after) }];
  });
}

function readings(profiles: readonly Profile[], of: Measure['of']): Reading[] | undefined {
  const values = profiles.map(of);
  return values.every((value) => value !== undefined)
    ? values.map((value) => ({ value, error: 0, isMeasured: true }))
    : undefined;
}
