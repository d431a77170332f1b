import { type Frame, type FramesOfLocation, locationReader, NO_STACK, placeOf } from '../model/frames.js';
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
import type { ReportOptions } from './options.js';

interface SpeedscopeFrame {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
  readonly col?: number;
}

/** One of the file's profiles, as JSON text. */
type ProfileText = string;

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
  return [...speedscopePieces(profile, options)].join('');
}

/** The same in pieces, one for each of the file's profiles: for whoever can write them one by one, and need not hold them all. */
export function* speedscopePieces(profile: Profile, options: ReportOptions): Generator<string> {
  const table = new FrameTable(profile);
  const stacks: StackSets = {
    labelled: labelledStacks(profile, table),
    engineHidden: withoutEngine(profile, table),
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
  yield `${JSON.stringify(head).slice(0, -1)},"profiles":[`;
  let separator = '';
  for (const text of profileTexts(profile, stacks)) {
    yield separator + text;
    separator = ',';
  }
  yield ']}';
}

interface StackSets {
  readonly labelled: readonly Stack[];
  readonly engineHidden: readonly Stack[];
  readonly merged: readonly Stack[];
}

function* profileTexts(profile: Profile, { labelled, engineHidden, merged }: StackSets): Generator<ProfileText> {
  for (const column of COLUMN_ORDER) {
    yield* signedProfiles(profileName(profile, column), column, labelled);
    if (column !== INUSE_SPACE || engineHidden.length === 0) continue;
    yield* signedProfiles('inuse_space, engine hidden', INUSE_SPACE, engineHidden);
  }
  yield* arenaProfiles(labelled);
  yield* signedProfiles('merged', INUSE_SPACE, merged);
}

/** Stacks are nine tenths of the file, and each is in several profiles: put together as text that was made once. */
const list = (items: readonly (string | number)[]): string => `[${items.join(',')}]`;

/** Nothing where no program has JavaScript: it would be the same picture again. */
function withoutEngine(profile: Profile, table: FrameTable): Stack[] {
  const hide = engineHider(table.framesOf, profile.mappings[0]?.file ?? '');
  if (profile.samples.every(({ stack }) => hide(stack).length === stack.length)) return [];
  return labelledStacks(profile, table, hide);
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
  /** By arena, then by location: the numbers of its frames, as they stand in a list. */
  readonly #known = new Map<string, (string | undefined)[]>();
  readonly #locations: number;
  readonly framesOf: FramesOfLocation;

  constructor(profile: Profile) {
    this.framesOf = locationReader(profile);
    this.#locations = profile.locations.size + 1;
  }

  /**
   * A call path as a JSON list of frame numbers, root first, below `roots`. `prefix` names the arena, '' for none. Where there is no
   * source file, the binary is the place.
   */
  listOf(stack: readonly number[], prefix: string, roots: readonly number[]): string {
    let known = this.#known.get(prefix);
    if (known === undefined) {
      known = new Array<string | undefined>(this.#locations);
      this.#known.set(prefix, known);
    }
    const numbers: (string | number)[] = [...roots];
    if (stack.length === 0) numbers.push(this.add(NO_STACK, prefix));
    for (let at = stack.length - 1; at >= 0; at--) {
      const id = stack[at] ?? 0;
      const text = known[id] ?? this.#listOfLocation(id, prefix);
      known[id] = text;
      if (text !== '') numbers.push(text);
    }
    return list(numbers);
  }

  #listOfLocation(id: number, prefix: string): string {
    const outermostFirst = [...this.framesOf(id)].reverse();
    return outermostFirst.map((frame) => this.add(placed(frame), prefix)).join(',');
  }

  /** `prefix` names the arena, '' for none. */
  add(frame: { name: string; file: string; line: number; column: number }, prefix: string): number {
    const file = prefix === '' || frame.file === '' ? prefix || frame.file : `${prefix} > ${frame.file}`;
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
  /** Frame numbers, root first, as a JSON list. */
  readonly path: string;
  /** Name of the arena's profile. */
  readonly arena: string;
}

type Shown = (stack: readonly number[]) => readonly number[];

function labelledStacks(profile: Profile, table: FrameTable, shown: Shown = (stack) => stack): Stack[] {
  const rootsOf = rootReader(profile, table);
  const stacks = profile.samples.map((sample) => {
    const { arena, numbers } = rootsOf(sample.labels);
    return { sample, path: table.listOf(shown(sample.stack), arena, numbers), arena };
  });
  return stacks.sort((a, b) => compare(a.arena, b.arena));
}

interface Roots {
  /** Name of the arena's profile. */
  readonly arena: string;
  readonly numbers: readonly number[];
}

/** Makes the root frames of a set of labels once: samples share them. */
function rootReader(profile: Profile, table: FrameTable): (labels: Labels) => Roots {
  const names = new Map(profile.processes.map(({ pid, name }) => [pid, name]));
  const severalProcesses = new Set(profile.samples.map(({ labels }) => labels.pid)).size > 1;
  const known = new Map<Labels, Roots>();

  function make(labels: Labels): Roots {
    const process = severalProcesses ? `${names.get(labels.pid) ?? 'process'} [${labels.pid}]` : '';
    const group = labels.pool ?? labels.heap;
    const arena = [process, labels.arena ?? `${group} (no arena)`].filter((part) => part !== '').join(' ');
    const synthetic = (name: string, file: string) => table.add({ name, file, line: 0, column: 0 }, '');
    const numbers = [
      ...(process === '' ? [] : [synthetic(process, process)]),
      synthetic(group, [process, group].filter((part) => part !== '').join(' ')),
      synthetic(labels.arena ?? '(no arena)', `${arena} > ${describe(labels)}`),
    ];
    return { arena, numbers };
  }

  return (labels) => {
    const roots = known.get(labels) ?? make(labels);
    known.set(labels, roots);
    return roots;
  };
}

function mergedStacks(profile: Profile, table: FrameTable): Stack[] {
  return profile.samples.map((sample) => ({
    sample,
    path: table.listOf(sample.stack, '', []),
    arena: '',
  }));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What the arena's own frame says in the tooltip. */
function describe(labels: Labels): string {
  return [labels.heap, labels.tier, labels.stage].filter((part) => part !== undefined).join(' · ');
}

/** One profile, or `grown` and `shrunk` for a difference: speedscope knows no negative weights. */
function* signedProfiles(name: string, column: Column, stacks: readonly Stack[]): Generator<ProfileText> {
  const negative = stacks.some(({ sample }) => sample.values[column] <= -0.5);
  yield sampled(negative ? `${name}: grown` : name, column, stacks, 1);
  if (negative) yield sampled(`${name}: shrunk`, column, stacks, -1);
}

function sampled(name: string, column: Column, stacks: readonly Stack[], sign: 1 | -1): ProfileText {
  const samples: string[] = [];
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
  const head = JSON.stringify({ type: 'sampled', name, unit, startValue: 0, endValue });
  return `${head.slice(0, -1)},"samples":${list(samples)},"weights":${list(weights)}}`;
}

/** The biggest arenas on their own; pointless where there is only one. */
function* arenaProfiles(stacks: readonly Stack[]): Generator<ProfileText> {
  const byArena = new Map<string, { bytes: number; stacks: Stack[] }>();
  for (const stack of stacks) {
    const entry = byArena.get(stack.arena) ?? { bytes: 0, stacks: [] };
    entry.bytes += Math.abs(stack.sample.values[INUSE_SPACE]);
    entry.stacks.push(stack);
    byArena.set(stack.arena, entry);
  }
  if (byArena.size < 2) return;
  const biggest = [...byArena]
    .filter(([, { bytes }]) => bytes > 0)
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .slice(0, MAX_ARENA_PROFILES);
  for (const [arena, entry] of biggest) yield* signedProfiles(`inuse_space of ${arena}`, INUSE_SPACE, entry.stacks);
}
