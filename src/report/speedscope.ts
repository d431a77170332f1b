import { type Frame, frameReader, placeOf } from '../model/frames.js';
import {
  ALLOC_OBJECTS,
  ALLOC_SPACE,
  INUSE_OBJECTS,
  INUSE_SPACE,
  type Labels,
  type Profile,
  SAMPLE_TYPES,
  type Sample,
} from '../model/profile.js';
import { hideEngine } from './hide-engine.js';
import type { ReportOptions } from './options.js';

interface SpeedscopeFrame {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
  readonly col?: number;
}

interface SpeedscopeProfile {
  readonly type: 'sampled';
  readonly name: string;
  readonly unit: 'bytes' | 'none';
  readonly startValue: number;
  readonly endValue: number;
  readonly samples: number[][];
  readonly weights: number[];
}

type Column = 0 | 1 | 2 | 3;
/** Arenas that get a profile of their own. */
const MAX_ARENA_PROFILES = 8;
/** What one looks for first comes first. */
const COLUMN_ORDER: readonly Column[] = [INUSE_SPACE, ALLOC_SPACE, INUSE_OBJECTS, ALLOC_OBJECTS];

/**
 * speedscope's own JSON. It has neither labels nor colours, so both go into frames: pool (or heap) and arena are the two root
 * frames, and each frame's file is `arena > file`. speedscope colours frames by the rank of file + name: an arena gets one band
 * of hue. The second profile is the first without the engine's frames, where the program's own code begins at the top.
 * `merged`, at the end, has no prefixes, for the Sandwich view. Cap the samples with `fold` first.
 */
export function writeSpeedscope(profile: Profile, options: ReportOptions): string {
  const table = new FrameTable();
  const frames = frameReader(profile);
  const stacks = labelledStacks(profile, frames, table);
  const program = profile.processes[0]?.name ?? 'program';
  const profiles: SpeedscopeProfile[] = [];
  for (const column of COLUMN_ORDER) {
    profiles.push(...signedProfiles(profileName(profile, column), column, stacks));
    if (column === INUSE_SPACE) profiles.push(...withoutEngine(profile, frames, table));
  }
  profiles.push(...arenaProfiles(stacks));
  profiles.push(...signedProfiles('merged', INUSE_SPACE, mergedStacks(profile, frames, table)));
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: `memprof ${program}`,
    exporter: `memprof@${options.summary.memprofVersion}`,
    activeProfileIndex: 0,
    shared: { frames: table.frames },
    profiles,
  });
}

/** Nothing where no program has JavaScript: it would be the same picture again. */
function withoutEngine(profile: Profile, frames: FrameReader, table: FrameTable): SpeedscopeProfile[] {
  const main = profile.mappings[0]?.file ?? '';
  const own: FrameReader = (sample) => hideEngine(frames(sample), main);
  if (profile.samples.every((sample) => own(sample).length === frames(sample).length)) return [];
  return signedProfiles('inuse_space, engine hidden', INUSE_SPACE, labelledStacks(profile, own, table));
}

/** A heap that does not know a column is missing in its picture: the name says so. */
function profileName({ unknown }: Profile, column: Column): string {
  const { type } = SAMPLE_TYPES[column];
  const missing = unknown.filter(({ types }) => types.includes(type)).map(({ heap }) => heap);
  const name = column === INUSE_SPACE ? `${type} by arena` : type;
  return missing.length === 0 ? name : `${name} (without ${missing.join(', ')}: not known)`;
}

/** Frames by number, each once. */
class FrameTable {
  readonly frames: SpeedscopeFrame[] = [];
  readonly #numbers = new Map<string, number>();
  /** By arena, then by frame: paths share theirs, and a text to look up would have to be made for each. */
  readonly #known = new Map<string, Map<Frame, number>>();

  /** A frame of a call path, in the arena that `prefix` names, '' for none. Where there is no source file, the binary is the place. */
  ofPath(path: readonly Frame[], prefix: string, into: number[]): number[] {
    let known = this.#known.get(prefix);
    if (known === undefined) {
      known = new Map();
      this.#known.set(prefix, known);
    }
    for (let at = path.length - 1; at >= 0; at--) {
      const frame = path[at] as Frame;
      let number = known.get(frame);
      if (number === undefined) {
        number = this.add(placed(frame), prefix);
        known.set(frame, number);
      }
      into.push(number);
    }
    return into;
  }

  /** `prefix` names the arena, '' for none. */
  add(frame: { name: string; file: string; line: number; column: number }, prefix: string): number {
    const file = [prefix, frame.file].filter((part) => part !== '').join(' > ');
    const key = `${frame.name}\0${file}\0${frame.line}\0${frame.column}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.frames.length;
    this.frames.push({
      name: frame.name,
      ...(file !== '' && { file }),
      ...(frame.line > 0 && { line: frame.line }),
      ...(frame.column > 0 && { col: frame.column }),
    });
    this.#numbers.set(key, number);
    return number;
  }
}

/**
 * An approximate line stands in the text of the file, `count.js:~17`, and not in the field for lines: a name of its own would
 * make another function of it.
 */
function placed(frame: Frame): { name: string; file: string; line: number; column: number } {
  if (frame.approximate) return { name: frame.name, file: placeOf(frame), line: 0, column: 0 };
  return { ...frame, file: frame.file || frame.module };
}

interface Stack {
  readonly sample: Sample;
  /** Frame numbers, root first. */
  readonly path: number[];
  /** Name of the arena's profile. */
  readonly arena: string;
}

type FrameReader = (sample: Sample) => Frame[];

function labelledStacks(profile: Profile, frames: FrameReader, table: FrameTable): Stack[] {
  const names = new Map(profile.processes.map(({ pid, name }) => [pid, name]));
  const severalProcesses = new Set(profile.samples.map(({ labels }) => labels.pid)).size > 1;
  const stacks = profile.samples.map((sample) => {
    const { labels } = sample;
    const process = severalProcesses ? `${names.get(labels.pid) ?? 'process'} [${labels.pid}]` : '';
    const group = labels.pool ?? labels.heap;
    const arena = [process, labels.arena ?? `${group} (no arena)`].filter((part) => part !== '').join(' ');
    const synthetic = (name: string, file: string) => table.add({ name, file, line: 0, column: 0 }, '');
    const roots = [
      ...(process === '' ? [] : [synthetic(process, process)]),
      synthetic(group, [process, group].filter((part) => part !== '').join(' ')),
      synthetic(labels.arena ?? '(no arena)', `${arena} > ${describe(labels)}`),
    ];
    return { sample, path: table.ofPath(frames(sample), arena, roots), arena };
  });
  return stacks.sort((a, b) => compare(a.arena, b.arena));
}

function mergedStacks(profile: Profile, frames: FrameReader, table: FrameTable): Stack[] {
  return profile.samples.map((sample) => ({
    sample,
    path: table.ofPath(frames(sample), '', []),
    arena: '',
  }));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What the arena's own frame says in the tooltip. */
function describe(labels: Labels): string {
  return [labels.heap, labels.tier, labels.stage].filter((part) => part !== undefined).join(' · ');
}

/** One profile, or `grown` and `shrunk` for a difference: speedscope knows no negative weights. */
function signedProfiles(name: string, column: Column, stacks: readonly Stack[]): SpeedscopeProfile[] {
  const negative = stacks.some(({ sample }) => sample.values[column] <= -0.5);
  if (!negative) return [sampled(name, column, stacks, 1)];
  return [sampled(`${name}: grown`, column, stacks, 1), sampled(`${name}: shrunk`, column, stacks, -1)];
}

function sampled(name: string, column: Column, stacks: readonly Stack[], sign: 1 | -1): SpeedscopeProfile {
  const samples: number[][] = [];
  const weights: number[] = [];
  let endValue = 0;
  for (const { sample, path } of stacks) {
    const weight = Math.round(sample.values[column] * sign);
    if (weight <= 0) continue;
    samples.push(path);
    weights.push(weight);
    endValue += weight;
  }
  const unit = SAMPLE_TYPES[column].unit === 'bytes' ? 'bytes' : 'none';
  return { type: 'sampled', name, unit, startValue: 0, endValue, samples, weights };
}

/** The biggest arenas on their own; pointless where there is only one. */
function arenaProfiles(stacks: readonly Stack[]): SpeedscopeProfile[] {
  const byArena = new Map<string, { bytes: number; stacks: Stack[] }>();
  for (const stack of stacks) {
    const entry = byArena.get(stack.arena) ?? { bytes: 0, stacks: [] };
    entry.bytes += Math.abs(stack.sample.values[INUSE_SPACE]);
    entry.stacks.push(stack);
    byArena.set(stack.arena, entry);
  }
  if (byArena.size < 2) return [];
  return [...byArena]
    .filter(([, { bytes }]) => bytes > 0)
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .slice(0, MAX_ARENA_PROFILES)
    .flatMap(([arena, entry]) => signedProfiles(`inuse_space of ${arena}`, INUSE_SPACE, entry.stacks));
}
