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
import { engineHider } from './hide-engine.js';
import type { PathOptions } from './options.js';
import { type RootBy, type Roots, rootByOf, rootReader } from './roots.js';
import { FrameTable } from './speedscope-frames.js';
import type { Slice } from './text-pool.js';

type Column = 0 | 1 | 2 | 3;
/** Arenas, or what was asked for, that get a profile of their own. */
const MAX_BAND_PROFILES = 8;
/** What one looks for first comes first. */
const COLUMN_ORDER: readonly Column[] = [INUSE_SPACE, ALLOC_SPACE, INUSE_OBJECTS, ALLOC_OBJECTS];

/**
 * speedscope's own JSON. It has neither labels nor colours, so both go into frames: pool (or heap) and arena are the two root
 * frames, and each frame's file is `arena > file`. speedscope colours frames by the rank of file + name: an arena gets one band
 * of hue. The second profile is the first without the engine's frames, where the program's own code begins at the top.
 * `merged`, at the end, has no prefixes, for the Sandwich view. Cap the samples with `fold` first.
 */
export function writeSpeedscope(profile: Profile, options: PathOptions): string {
  return Array.from(speedscopePieces(profile, options), (piece) => piece.toString()).join('');
}

/** The same in pieces, one for each of the file's profiles: for whoever can write them one by one, and need not hold them all. */
export function* speedscopePieces(profile: Profile, options: PathOptions): Generator<Buffer> {
  const table = new FrameTable(profile);
  const by = rootByOf(options.summary);
  const rootsOf = rootNumbers(profile, table, rootReader(profile, by));
  const stacks: StackSets = {
    by,
    labelled: labelledStacks(profile, table, rootsOf),
    engineHidden: withoutEngine(profile, table, rootsOf),
    merged: mergedStacks(profile, table),
  };
  const program = profile.processes[0]?.name ?? 'program';
  const head = {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: `memprof ${program}`,
    exporter: `memprof@${options.summary.memprofVersion}`,
    activeProfileIndex: 0,
    shared: { frames: table.frames },
  };
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"profiles":`);
  let before = '[';
  for (const chosen of chooseProfiles(profile, stacks)) {
    yield Buffer.from(before);
    yield* profileText(table, chosen);
    before = ',';
  }
  yield Buffer.from(']}');
}

/** What becomes one of the file's profiles. */
interface Chosen {
  readonly name: string;
  readonly column: Column;
  readonly stacks: readonly Stack[];
  readonly sign: 1 | -1;
}

interface StackSets {
  readonly by: RootBy;
  readonly labelled: readonly Stack[];
  readonly engineHidden: readonly Stack[];
  readonly merged: readonly Stack[];
}

function* chooseProfiles(profile: Profile, { by, labelled, engineHidden, merged }: StackSets): Generator<Chosen> {
  for (const column of COLUMN_ORDER) {
    yield* signedProfiles(profileName(profile, column, by), column, labelled);
    if (column !== INUSE_SPACE || engineHidden.length === 0) continue;
    yield* signedProfiles('inuse_space, engine hidden', INUSE_SPACE, engineHidden);
  }
  yield* bandProfiles(labelled, by);
  yield* signedProfiles('merged', INUSE_SPACE, merged);
}

/** Nothing where no program has JavaScript: it would be the same picture again. */
function withoutEngine(profile: Profile, table: FrameTable, rootsOf: ReturnType<typeof rootNumbers>): Stack[] {
  const hide = engineHider(table.framesOf, profile.mappings[0]?.file ?? '');
  if (profile.samples.every(({ stack }) => hide(stack).length === stack.length)) return [];
  return labelledStacks(profile, table, rootsOf, hide);
}

/** A heap that does not know a column is missing in its picture: the name says so. */
function profileName({ unknown }: Profile, column: Column, by: RootBy): string {
  const { type } = SAMPLE_TYPES[column];
  const missing = unknown.filter(({ types }) => types.includes(type)).map(({ heap }) => heap);
  const name = column === INUSE_SPACE ? `${type} by ${by}` : type;
  return missing.length === 0 ? name : `${name} (without ${missing.join(', ')}: not known)`;
}

interface Stack {
  readonly sample: Sample;
  /** Frame numbers, root first, as a JSON list. */
  readonly path: Slice;
  /** What has one colour and a profile of its own; '' for none. */
  readonly band: string;
  /** How many arenas, or whatever was asked for, the band stands for. */
  readonly count: number;
}

type Shown = (stack: readonly number[]) => readonly number[];

function labelledStacks(
  profile: Profile,
  table: FrameTable,
  rootsOf: ReturnType<typeof rootNumbers>,
  shown: Shown = (stack) => stack,
): Stack[] {
  const stacks = profile.samples.map((sample) => {
    const { band, count, numbers } = rootsOf(sample.labels);
    return { sample, path: table.listOf(shown(sample.stack), band, numbers), band, count };
  });
  return stacks.sort((a, b) => compare(a.band, b.band));
}

interface NumberedRoots {
  readonly band: string;
  readonly count: number;
  readonly numbers: readonly number[];
}

/** Root frames as numbers, made once for each set of labels: samples share them. */
function rootNumbers(
  profile: Profile,
  table: FrameTable,
  rootsOf: (labels: Labels) => Roots,
): (labels: Labels) => NumberedRoots {
  const known = new Map<Labels, NumberedRoots>();
  const describe = bandDescriptions(profile, rootsOf);
  function make(labels: Labels): NumberedRoots {
    const { band, count, names } = rootsOf(labels);
    const numbers = names.map((name, depth) => {
      const isLast = depth === names.length - 1;
      // A root above the band's own has the colour of what it leads to: its file is the way there.
      const file = isLast ? `${band} > ${describe(band)}` : names.slice(0, depth + 1).join(' ');
      return table.add({ name, file, line: 0, column: 0 }, '');
    });
    return { band, count, numbers };
  }
  return (labels) => {
    const roots = known.get(labels) ?? make(labels);
    known.set(labels, roots);
    return roots;
  };
}

/** What a band's own frame says in the tooltip. The same for all its samples: it would be several frames otherwise. */
function bandDescriptions(profile: Profile, rootsOf: (labels: Labels) => Roots): (band: string) => string {
  const parts = new Map<string, readonly [heaps: Set<string>, tiers: Set<string>, stages: Set<string>]>();
  for (const { labels } of profile.samples) {
    const { band } = rootsOf(labels);
    const known = parts.get(band) ?? ([new Set<string>(), new Set<string>(), new Set<string>()] as const);
    parts.set(band, known);
    known[0].add(labels.heap);
    known[1].add(labels.tier);
    if (labels.stage !== undefined) known[2].add(labels.stage);
  }
  return (band) => (parts.get(band) ?? []).flatMap((part) => (part.size === 0 ? [] : enumerate(part))).join(' · ');
}

/** Three are enough. */
function enumerate(names: ReadonlySet<string>): string {
  const sorted = [...names].sort();
  return sorted.length <= 3 ? sorted.join(', ') : `${sorted.slice(0, 3).join(', ')} and ${sorted.length - 3} more`;
}

function mergedStacks(profile: Profile, table: FrameTable): Stack[] {
  return profile.samples.map((sample) => ({
    sample,
    path: table.listOf(sample.stack, '', []),
    band: '',
    count: 0,
  }));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One profile, or `grown` and `shrunk` for a difference: speedscope knows no negative weights. */
function* signedProfiles(name: string, column: Column, stacks: readonly Stack[]): Generator<Chosen> {
  const negative = stacks.some(({ sample }) => sample.values[column] <= -0.5);
  yield { name: negative ? `${name}: grown` : name, column, stacks, sign: 1 };
  if (negative) yield { name: `${name}: shrunk`, column, stacks, sign: -1 };
}

/** Put together from paths that were made once. */
function profileText(table: FrameTable, { name, column, stacks, sign }: Chosen): Buffer[] {
  const paths: Slice[] = [];
  const weights: number[] = [];
  let endValue = 0;
  for (const { sample, path } of stacks) {
    const weight = Math.round(sample.values[column] * sign);
    if (weight <= 0) continue;
    paths.push(path);
    weights.push(weight);
    endValue += weight;
  }
  const unit = SAMPLE_TYPES[column].unit === 'bytes' ? 'bytes' : 'none';
  const head = JSON.stringify({ type: 'sampled', name, unit, startValue: 0, endValue });
  return [
    Buffer.from(`${head.slice(0, -1)},"samples":`),
    table.listOfPaths(paths),
    Buffer.from(`,"weights":[${weights.join(',')}]}`),
  ];
}

/** The biggest bands on their own, then all the others in one; pointless where there is only one. */
function* bandProfiles(stacks: readonly Stack[], by: RootBy): Generator<Chosen> {
  const bands = new Map<string, { bytes: number; count: number; stacks: Stack[] }>();
  for (const stack of stacks) {
    const entry = bands.get(stack.band) ?? { bytes: 0, count: stack.count, stacks: [] };
    entry.bytes += Math.abs(stack.sample.values[INUSE_SPACE]);
    entry.stacks.push(stack);
    bands.set(stack.band, entry);
  }
  if (bands.size < 2) return;
  const ordered = [...bands].filter(([, { bytes }]) => bytes > 0).sort(([, a], [, b]) => b.bytes - a.bytes);
  // Where one is left over, it may as well have its name.
  const count = ordered.length <= MAX_BAND_PROFILES + 1 ? ordered.length : MAX_BAND_PROFILES;
  for (const [band, entry] of ordered.slice(0, count)) {
    yield* signedProfiles(`inuse_space of ${band}`, INUSE_SPACE, entry.stacks);
  }
  const others = ordered.slice(count);
  if (others.length === 0) return;
  const number = others.reduce((sum, [, entry]) => sum + entry.count, 0);
  const name = `inuse_space of ${number} more ${by}s`;
  yield* signedProfiles(
    name,
    INUSE_SPACE,
    others.flatMap(([, entry]) => entry.stacks),
  );
}
