import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { intervals, type PairEstimate } from '../../src/analyze/interval.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { type Frame, frameReader } from '../../src/model/frames.ts';
import type { Moment, Profile, Sample } from '../../src/model/profile.ts';
import { INUSE_OBJECTS, INUSE_SPACE } from '../../src/model/profile.ts';
import { memprof, type Options, type Outcome } from '../cli/run-cli.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const FIXTURES = join(ROOT, 'fixtures');

/** The Node binaries of the matrix, newest last. */
export const NODES = ['20', '22', '24', '26'].map((major) => ({
  major,
  path: join(FIXTURES, `nodes/node_modules/node-${major}/bin/node`),
}));

export interface Run extends Outcome {
  readonly folder: string;
  readonly profile: Profile;
}

/** Profiles a command into `folder` and reads the recording back. */
export async function profileOf(
  folder: string,
  command: readonly string[],
  options: Options & { flags?: readonly string[]; moment?: Moment } = {},
): Promise<Run> {
  const outcome = await memprof(['run', '-o', folder, ...(options.flags ?? []), '--', ...command], options);
  if (!existsSync(join(folder, 'recording.json'))) throw new Error(`no recording:\n${outcome.stderr}`);
  const profile = await buildProfile(folder, options.moment ? { moment: options.moment } : {});
  return { ...outcome, folder, profile };
}

/** A sample with its frames, the leaf first. */
export interface Stack {
  readonly sample: Sample;
  readonly frames: readonly Frame[];
}

export function stacksOf(profile: Profile): Stack[] {
  const frames = frameReader(profile);
  return profile.samples.map((sample) => ({ sample, frames: frames(sample) }));
}

export interface Estimate extends PairEstimate {
  readonly interval: { readonly low: number; readonly high: number };
  readonly observations: number;
}

/** In-use objects and bytes of some stacks together, with the interval that memprof would print. */
export function inUse(stacks: readonly Stack[]): Estimate {
  const sum = (of: (sample: Sample) => number) => stacks.reduce((total, { sample }) => total + of(sample), 0);
  const pair = {
    objects: sum((sample) => sample.values[INUSE_OBJECTS]),
    bytes: sum((sample) => sample.values[INUSE_SPACE]),
    objectsVariance: sum((sample) => sample.variances[INUSE_OBJECTS]),
    bytesVariance: sum((sample) => sample.variances[INUSE_SPACE]),
  };
  return { ...pair, interval: intervals(pair).bytes, observations: sum((sample) => sample.observations) };
}

/** What a fixture says it holds: see fixtures/truth/truth-file.mjs. */
export interface Truth {
  readonly function: string;
  readonly file: string;
  readonly line: number;
  readonly bytes: number;
  readonly heap: 'native' | 'v8';
  readonly certainty: 'exact' | 'computed';
}

export function readTruth(path: string): Record<string, Truth> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, Truth>;
}
