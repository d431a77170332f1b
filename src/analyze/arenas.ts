import type { ArenaUse, PoolUse } from '../model/arenas.js';
import { INUSE_SPACE, type Labels, type Profile } from '../model/profile.js';
import type { Summary, SummaryArena, SummaryFoldedArenas } from '../schema/summary.js';
import { arenaRow, columnsOf, estimator, poolRow } from './arena-rows.js';
import { type Group, groupByKey } from './group.js';
import { hasUnknownArena } from './unknown-arena.js';

/** Arenas listed of each pool, and pools: a server makes an arena for each request. */
const MAX_ARENAS = 20;
const MAX_POOLS = 100;

/** An arena in the samples, one whose life is known, or both. */
export interface Arena {
  readonly pool: string;
  readonly arena: string;
  readonly pid: number;
  readonly group?: Group | undefined;
  readonly life?: ArenaUse | undefined;
}

/** All arenas of one pool; those of no pool are together. */
export interface Pool {
  readonly pool: string;
  readonly pid: number;
  readonly arenas: Arena[];
  readonly group?: Group | undefined;
  readonly life?: PoolUse | undefined;
}

/** What summary.json says of arenas and pools: the biggest with their error bars, the others in sums. */
export function arenasAndPools(profile: Profile): Pick<Summary, 'arenas' | 'pools' | 'unnamed'> {
  const estimate = estimator(profile);
  const pools = poolsOf(profile).sort((a, b) => compare(sizesOfPool(a), sizesOfPool(b), a.pool, b.pool));
  const [shown, others] = [pools.slice(0, MAX_POOLS), pools.slice(MAX_POOLS)];
  const rows: SummaryArena[] = [];
  const folded: SummaryFoldedArenas[] = [];
  for (const { pool, pid, arenas } of shown) {
    arenas.sort((a, b) => compare(sizesOf(a), sizesOf(b), a.arena, b.arena));
    rows.push(...arenas.slice(0, MAX_ARENAS).map((arena) => arenaRow(arena, estimate)));
    const rest = arenas.slice(MAX_ARENAS);
    if (rest.length > 0) folded.push({ pool, pid, ...sums(rest) });
  }
  const rest = others.flatMap(({ arenas }) => arenas);
  if (rest.length > 0) folded.push({ pools: others.length, ...sums(rest) });
  const named = pools.filter(({ pool }) => pool !== '');
  return {
    arenas: { rows, folded },
    pools: {
      rows: shown.filter(({ pool }) => pool !== '').map((pool) => poolRow(pool, estimate)),
      folded: named.length - shown.filter(({ pool }) => pool !== '').length,
    },
    unnamed: unnamed(profile),
  };
}

const arenaKey = (pool: string, arena: string, pid: number): string => `${pid}\0${pool}\0${arena}`;
const poolKey = (pool: string, pid: number): string => `${pid}\0${pool}`;

/** Every pool with its arenas. */
function poolsOf(profile: Profile): Pool[] {
  const groups = groupByLabels(profile, ({ pool = '', arena, heap, pid }) =>
    // What has neither stands under the name of its heap.
    arenaKey(pool, arena ?? (pool === '' ? `${heap} (no arena)` : ''), pid),
  );
  const poolGroups = groupByLabels(profile, ({ pool = '', pid }) => poolKey(pool, pid));
  const poolLives = new Map(profile.pools.map((life) => [poolKey(life.pool, life.pid), life]));
  const pools = new Map<string, Pool>();
  const add = (arena: Arena): void => {
    const key = poolKey(arena.pool, arena.pid);
    const known = pools.get(key);
    if (known) known.arenas.push(arena);
    else {
      const { pool, pid } = arena;
      pools.set(key, { pool, pid, arenas: [arena], group: poolGroups.get(key), life: poolLives.get(key) });
    }
  };
  for (const life of profile.arenas) {
    const { pool, arena, pid } = life;
    const key = arenaKey(pool, arena, pid);
    add({ pool, arena, pid, life, group: groups.get(key) });
    // A process that executes another program keeps its pid: two arenas may have one name.
    groups.delete(key);
  }
  for (const [key, group] of groups) {
    const [pid, pool = '', arena = ''] = key.split('\0');
    add({ pool, arena, pid: Number(pid), group });
  }
  for (const [key, life] of poolLives) {
    if (!pools.has(key)) pools.set(key, { pool: life.pool, pid: life.pid, arenas: [], life });
  }
  return [...pools.values()];
}

/** Labels are shared by samples: each is made a key once. */
function groupByLabels(profile: Profile, keyOf: (labels: Labels) => string): Map<string, Group> {
  const known = new Map<Labels, string>();
  const groups = groupByKey(profile, ({ labels }) => {
    let key = known.get(labels);
    if (key === undefined) {
      key = keyOf(labels);
      known.set(labels, key);
    }
    return key;
  });
  return new Map(groups.map((group) => [group.name, group]));
}

/** What the order goes by, one after the other: what is there, what should not be, what stayed too long, what there was. */
const sizesOf = ({ group, life }: Arena): number[] => [
  group?.values[INUSE_SPACE] ?? 0,
  life?.liveAfterReleaseBytes ?? 0,
  life === undefined ? 0 : secondsHeld(life),
  life?.peakBytes ?? 0,
];

/** Whole seconds: less is no difference. */
function secondsHeld({ releasedNs, lastFreedNs }: ArenaUse): number {
  return releasedNs > 0n && lastFreedNs > releasedNs ? Math.floor(Number(lastFreedNs - releasedNs) / 1e9) : 0;
}

/** What the program named itself is what it asks about. */
const sizesOfPool = ({ group, life }: Pool): number[] => [
  life?.isMade ? 1 : 0,
  group?.values[INUSE_SPACE] ?? 0,
  life?.peakBytes ?? 0,
];

/** The biggest first; of equal ones `kv#2` before `kv#10`. */
function compare(a: readonly number[], b: readonly number[], nameOfA: string, nameOfB: string): number {
  for (const [i, size] of a.entries()) {
    const difference = Math.abs(b[i] ?? 0) - Math.abs(size);
    if (difference !== 0) return difference;
  }
  return nameOfA.length - nameOfB.length || (nameOfA < nameOfB ? -1 : 1);
}

function sums(arenas: readonly Arena[]): Omit<SummaryFoldedArenas, 'pool' | 'pid' | 'pools'> {
  const sum = (of: (arena: Arena) => number): number => Math.round(arenas.reduce((all, arena) => all + of(arena), 0));
  return {
    arenas: arenas.length,
    inuseBytes: sum(({ group }) => group?.values[INUSE_SPACE] ?? 0),
    allocatedBytes: sum(({ group, life }) => life?.allocatedBytes ?? group?.values[1] ?? 0),
    largestPeakBytes: Math.round(arenas.reduce((largest, { life }) => Math.max(largest, life?.peakBytes ?? 0), 0)),
  };
}

/** V8 tells the region of its own objects, not whose they are; with a rule's name they are somebody's. */
function unnamed(profile: Profile): Summary['unnamed'] {
  const groups = groupByLabels(profile, (labels) => (hasUnknownArena(labels) ? 'unnamed' : 'named'));
  const { inuse_space, share } = columnsOf(groups.get('unnamed'));
  return { inuse_space, share };
}
