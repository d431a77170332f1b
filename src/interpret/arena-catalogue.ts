import type { ArenaSource } from '../model/arenas.js';
import type { Labels } from '../model/profile.js';
import type { ArenaNumbers } from './arena-events.js';
import type { SiteRecord } from './snapshot.js';
import type { Tables, TagRecord } from './tables.js';

export interface ArenaEntry {
  /** '' for none. */
  readonly pool: string;
  readonly arena: string;
  /** Of most of its bytes. */
  readonly source?: ArenaSource;
  /** If the program made it. */
  readonly tag?: TagRecord;
}

export interface PoolEntry {
  readonly pool: string;
  readonly tag?: TagRecord;
}

/** All arenas and pools of a process, numbered. */
export interface ArenaCatalogue {
  readonly arenas: readonly ArenaEntry[];
  readonly pools: readonly PoolEntry[];
  readonly numbers: ArenaNumbers;
}

/**
 * Those that the program made, and those in the labels of sites, by rules or of the allocator. undefined if it would be the allocator's and
 * V8's own only: what they are is known without names.
 */
export function catalogueArenas(
  tables: Tables,
  sites: readonly SiteRecord[],
  labels: readonly (Labels | undefined)[],
): ArenaCatalogue | undefined {
  const named = labels.some((label) => label !== undefined && isNamed(label.arena_source));
  const arenas = numbered<{ entry: ArenaEntry; bytes: number }>();
  const pools = numbered<PoolEntry>();
  const arenaOfTag = new Int32Array(tables.tagCount()).fill(-1);

  for (let tag = 1; tag < arenaOfTag.length; tag++) {
    const record = tables.tag(tag);
    if (record?.kind === 'pool') pools.number(record.name, () => ({ pool: record.name, tag: record }));
    // Its parts were there before the context.
    if (record?.kind === 'context') arenaOfTag[tag] = arenaOfTag[record.parent] ?? -1;
    if (record?.kind !== 'arena') continue;
    const pool = tables.tag(record.parent)?.name;
    if (pool === undefined) continue; // damaged
    const arena = `${pool}#${record.ordinal}`;
    arenaOfTag[tag] = arenas.number(keyOf(pool, arena), () => ({ entry: { pool, arena, tag: record }, bytes: 0 }));
  }
  if (!named && pools.all.length === 0) return undefined;

  const ofSite = new Int32Array(labels.length).fill(-1);
  for (const [index, site] of sites.entries()) {
    const label = labels[index];
    if (label === undefined || (label.pool === undefined && label.arena === undefined)) continue;
    const { pool = '', arena = '', arena_source: source } = label;
    const number = arenas.number(keyOf(pool, arena), () => ({ entry: { pool, arena }, bytes: 0 }));
    ofSite[index] = number;
    const known = arenas.all[number];
    if (known !== undefined && source !== undefined && site.allocBytes >= known.bytes) {
      arenas.all[number] = { entry: { ...known.entry, source }, bytes: site.allocBytes };
    }
  }

  const entries = arenas.all.map(({ entry }) => entry);
  const poolOfArena = Int32Array.from(entries, ({ pool }) => (pool === '' ? -1 : pools.number(pool, () => ({ pool }))));
  return {
    arenas: entries,
    pools: pools.all,
    numbers: {
      count: entries.length,
      ofSite,
      // Which arena was current says nothing about memory that a rule named, or nobody.
      isCarried: Uint8Array.from(entries, ({ tag }) => (tag === undefined ? 0 : 1)),
      current: (tag) => arenaOfTag[tag] ?? -1,
      poolOfArena,
      poolCount: pools.all.length,
    },
  };
}

const isNamed = (source: ArenaSource | undefined): boolean =>
  source !== undefined && source !== 'allocator' && source !== 'v8';

const keyOf = (pool: string, arena: string): string => `${pool}\0${arena}`;

function numbered<T>(): { readonly all: T[]; number(key: string, make: () => T): number } {
  const numbers = new Map<string, number>();
  const all: T[] = [];
  return {
    all,
    number(key, make) {
      let number = numbers.get(key);
      if (number === undefined) {
        number = all.push(make()) - 1;
        numbers.set(key, number);
      }
      return number;
    },
  };
}
