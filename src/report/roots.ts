import { arenaName } from '../model/labels.js';
import { ALLOC_SPACE, INUSE_SPACE, type Labels, type Profile } from '../model/profile.js';
import type { Summary } from '../schema/summary.js';

/** What can be the first rows of a flame graph. */
export type RootBy = 'pool' | 'arena' | 'stage' | 'label';

/** What `--by` asks of a flame graph; arenas unless it is one of the other three. */
export function rootByOf({ groups }: Pick<Summary, 'groups'>): RootBy {
  const by = groups?.by;
  return by === 'pool' || by === 'stage' || by === 'label' ? by : 'arena';
}

/** What a set of labels becomes in front of a call path. */
export interface Roots {
  /** Frames, the root first. */
  readonly names: readonly string[];
  /** What has one colour and a profile of its own: an arena, a pool, a stage or a label. */
  readonly band: string;
  /** How many of those it stands for. */
  readonly count: number;
}

/** Bands with a name of their own: beyond, nobody sees them, and each has its own copy of every frame. */
const MAX_BANDS = 48;

/**
 * Turns labels into root frames. Of a server's thousands of arenas the biggest keep their names; the others become one for each pool,
 * `187 more of request`. With several processes the process is the first frame.
 */
export function rootReader(profile: Profile, by: RootBy): (labels: Labels) => Roots {
  const names = new Map(profile.processes.map(({ pid, name }) => [pid, name]));
  const severalProcesses = new Set(profile.samples.map(({ labels }) => labels.pid)).size > 1;

  function whole(labels: Labels): Roots {
    const process = severalProcesses ? [`${names.get(labels.pid) ?? 'process'} [${labels.pid}]`] : [];
    const parts = partsOf(labels, by);
    const band = [...process, bandOf(labels, by)].join(' ');
    return { names: [...process, ...parts], band, count: 1 };
  }

  const known = memoized(whole);
  const countOf = smallBands(profile, known, by);
  return memoized((labels) => {
    const roots = known(labels);
    const count = countOf(roots.band);
    if (count <= 1) return roots;
    const name = by === 'arena' ? `${count} more of ${groupOf(labels)}` : `${count} more ${by}s`;
    const process = severalProcesses ? roots.names.slice(0, 1) : [];
    const pool = by === 'arena' ? [groupOf(labels)] : [];
    return { names: [...process, ...pool, name], band: [...process, name].join(' '), count };
  });
}

const groupOf = ({ pool, heap }: Labels): string => pool ?? heap;

function partsOf(labels: Labels, by: RootBy): string[] {
  const place = [groupOf(labels), labels.arena ?? '(no arena)'];
  switch (by) {
    case 'pool':
      return [groupOf(labels)];
    case 'arena':
      return place;
    case 'stage':
      return [labels.stage ?? '(no stage)', ...place];
    case 'label':
      return [labels.label ?? '(no label)', ...place];
  }
}

function bandOf(labels: Labels, by: RootBy): string {
  switch (by) {
    case 'pool':
      return groupOf(labels);
    case 'arena':
      return arenaName(labels);
    case 'stage':
      return labels.stage ?? '(no stage)';
    case 'label':
      return labels.label ?? '(no label)';
  }
}

/** Samples share labels: what is made of them is made once. */
function memoized<T>(make: (labels: Labels) => T): (labels: Labels) => T {
  const known = new Map<Labels, T>();
  return (labels) => {
    let made = known.get(labels);
    if (made === undefined) {
      made = make(labels);
      known.set(labels, made);
    }
    return made;
  };
}

/** Tells of a band that is too small for a name how many there are in its pool, or in all; 0 for the others. */
function smallBands(profile: Profile, rootsOf: (labels: Labels) => Roots, by: RootBy): (band: string) => number {
  const bytes = new Map<string, number>();
  const families = new Map<string, string>();
  for (const { labels, values } of profile.samples) {
    const { band, names } = rootsOf(labels);
    // Of two with nothing in use, the one through which more went.
    const size = Math.abs(values[INUSE_SPACE]) + 1e-9 * Math.abs(values[ALLOC_SPACE]);
    bytes.set(band, (bytes.get(band) ?? 0) + size);
    families.set(band, by === 'arena' ? names.slice(0, -1).join(' ') : '');
  }
  if (bytes.size <= MAX_BANDS) return () => 0;
  const counts = new Map<string, number>();
  const small = new Map<string, string>();
  for (const [band] of [...bytes].sort(([, a], [, b]) => b - a).slice(MAX_BANDS)) {
    const family = families.get(band) ?? '';
    small.set(band, family);
    counts.set(family, (counts.get(family) ?? 0) + 1);
  }
  return (band) => counts.get(small.get(band) ?? '\0') ?? 0;
}
