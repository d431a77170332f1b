import type { ArenaUse, PoolUse } from '../model/arenas.js';
import type { Gauge, Labels, Notice } from '../model/profile.js';
import { formatCount } from '../model/units.js';
import { type ArenaCatalogue, catalogueArenas } from './arena-catalogue.js';
import { type ArenaEvents, followArenas } from './arena-events.js';
import { arenaUse, poolUse, type Totals } from './arena-use.js';
import { toUnixNs } from './clock.js';
import type { LivePoints } from './live-series.js';
import type { ProcessRecording } from './process-recording.js';
import { isSampledHeap, type SiteUse } from './site-use.js';
import type { SiteRecord } from './snapshot.js';
import { addSums, NO_SUM, type Sum } from './sums.js';

/** The sites of a process at its end, by number, with what the profile says of them. */
export interface LabelledSites {
  readonly sites: readonly SiteRecord[];
  /** Final labels; undefined for what is in no sample. */
  readonly labels: readonly (Labels | undefined)[];
  /** Asked for only where events are missing. */
  readonly inUse: () => ReadonlyMap<number, SiteUse>;
  /** ns since the Unix epoch. */
  readonly endedAtNs: bigint;
}

export interface ArenaLives {
  readonly arenas: readonly ArenaUse[];
  readonly pools: readonly PoolUse[];
  /** Live bytes over time, of the largest. */
  readonly gauges: readonly Gauge[];
  readonly notices: readonly Notice[];
}

/**
 * The lives of the arenas and pools of one process, by the final labels of its sites, in a second walk through the events. Nothing, and no
 * walk, where neither the program nor a rule named an arena.
 */
export function arenaLives(recording: ProcessRecording, sites: LabelledSites): ArenaLives {
  const catalogue = catalogueArenas(recording.tables, sites.sites, sites.labels);
  if (catalogue === undefined) return { arenas: [], pools: [], gauges: [], notices: [] };
  const events = followArenas(catalogue.numbers);
  walk(recording, events);
  const { lostEvents, identity } = recording;
  const rest = lostEvents > 0 ? totalsOf(catalogue, sites) : undefined;
  const arenas = catalogue.arenas.map((entry, number) =>
    arenaUse(recording, entry, events.arena(number), rest?.(number)),
  );
  const ofPool: ArenaUse[][] = catalogue.pools.map(() => []);
  for (const [number, arena] of arenas.entries()) ofPool[catalogue.numbers.poolOfArena[number] ?? -1]?.push(arena);
  const pools = catalogue.pools.map((entry, number) =>
    poolUse(identity.pid, entry, events.pool(number), ofPool[number] ?? [], sites.endedAtNs),
  );
  const message = `${formatCount(lostEvents)} events are not in the recording: peak, churn and frees of arenas are at least what is shown`;
  return {
    arenas,
    pools,
    gauges: [
      ...largest(pools, MAX_POOL_SERIES).map((at) => liveGauge(recording, events.poolSeries(at), pools[at]?.pool)),
      ...largest(arenas, MAX_ARENA_SERIES).map((at) => {
        const { pool, arena } = arenas[at] ?? {};
        return liveGauge(recording, events.arenaSeries(at), pool, arena);
      }),
    ],
    notices: lostEvents === 0 ? [] : [{ code: 'ARENAS_AT_LEAST', message, pid: identity.pid }],
  };
}

const MAX_POOL_SERIES = 32;
const MAX_ARENA_SERIES = 64;

/** Numbers of those with the highest peaks; what is in no arena is in its pool's series. */
function largest(uses: readonly (ArenaUse | PoolUse)[], most: number): number[] {
  return [...uses.keys()]
    .filter((at) => (uses[at]?.peakBytes ?? 0) > 0 && nameOf(uses[at]) !== '')
    .sort((a, b) => (uses[b]?.peakBytes ?? 0) - (uses[a]?.peakBytes ?? 0))
    .slice(0, most);
}

function nameOf(use: ArenaUse | PoolUse | undefined): string {
  if (use === undefined) return '';
  return 'arena' in use ? use.arena : use.pool;
}

function liveGauge(recording: ProcessRecording, { times, values }: LivePoints, pool = '', arena = ''): Gauge {
  return {
    name: 'live',
    unit: 'bytes',
    pid: recording.identity.pid,
    ...(pool !== '' && { pool }),
    ...(arena !== '' && { arena }),
    // A sum of estimates that came and went is a fraction of a byte off.
    points: times.map((timeNs, at) => ({
      timeNs: toUnixNs(recording, BigInt(timeNs)),
      value: Math.max(0, Math.round(values[at] ?? 0)),
    })),
  };
}

function walk({ stream, eventChunks }: ProcessRecording, into: ArenaEvents): void {
  for (const ref of eventChunks) {
    const events = stream.view(ref);
    if (events === undefined) continue; // the file was cut meanwhile
    if (events.readBigUInt64LE(8) > 0n) into.lose();
    into.add(events.subarray(16));
  }
}

/** By arena, what the last tables say: right however many events are missing. */
function totalsOf({ numbers }: ArenaCatalogue, { sites, inUse }: LabelledSites): (arena: number) => Totals {
  const live = Array.from({ length: numbers.count }, () => NO_SUM);
  const allocated = Array.from({ length: numbers.count }, () => NO_SUM);
  const use = inUse();
  for (const [index, site] of sites.entries()) {
    const arena = numbers.ofSite[index] ?? -1;
    if (arena < 0) continue;
    const isExact = !isSampledHeap(site.heap);
    const made: SiteUse = {
      bytes: site.allocBytes,
      bytesVariance: site.allocBytesVariance,
      objects: site.allocObjects,
      objectsVariance: site.allocObjectsVariance,
      observations: site.samples,
    };
    allocated[arena] = addSums(allocated[arena] ?? NO_SUM, sumOf(made, isExact));
    const left = use.get(index);
    if (left !== undefined) live[arena] = addSums(live[arena] ?? NO_SUM, sumOf(left, isExact));
  }
  return (arena) => ({ live: live[arena] ?? NO_SUM, allocated: allocated[arena] ?? NO_SUM });
}

function sumOf({ bytes, bytesVariance, objects, objectsVariance }: SiteUse, isExact: boolean): Sum {
  if (isExact) return { ...NO_SUM, bytes, exactBytes: bytes };
  return { bytes, exactBytes: 0, variance: bytesVariance, objects, objectsVariance };
}
