import type { MemoryUse, UseBytes } from '../model/arenas.js';
import { baseName, type Frame } from '../model/frames.js';
import type { GateRun, Measured, MeasureScope, Quantity, SiteUse } from '../model/gate.js';
import { ALLOC_OBJECTS, ALLOC_SPACE, INUSE_SPACE, type Labels, type Profile, type Sample } from '../model/profile.js';
import { type Group, groupByKey, total } from './group.js';
import { requestUses } from './requests.js';
import { framesOfSite } from './site.js';
import { siteReader } from './site-reader.js';

/** Arenas measured one by one: a server makes one for each request, and they are all in their pool. */
const MAX_ARENAS = 200;
const MAX_SITES = 60;
/** Counters of the sampler whose events are missing from the figures. */
const LOSSES: readonly string[] = ['dropped_live', 'dropped_sites', 'dropped_mappings', 'dropped_growth'];
/** Notices of recordings that do not have all of a run. */
const LOSS_CODES: ReadonlySet<string> = new Set([
  'NOT_PROFILED',
  'NO_END',
  'NO_SNAPSHOT',
  'PROCESS_MISSING',
  'PROCESS_UNREADABLE',
  'RECORDS_DAMAGED',
]);

/** What the gate compares of a run: sums over all its processes. Process ids are in no name. */
export function gateRunOf(profile: Profile): GateRun {
  const all = total(profile);
  return {
    measures: [
      ...fromGroup('total', '', all),
      {
        scope: 'total',
        name: '',
        quantity: 'peak',
        value: sum(profile.processes, (one) => one.peakBytes),
        variance: 0,
      },
      ...residentPeak(profile),
      ...byLabel(profile, 'heap', ({ heap }) => heap),
      ...byLabel(profile, 'stage', ({ stage }) => stage),
      ...byLabel(profile, 'pool', ({ pool }) => pool),
      ...byLabel(profile, 'arena', ({ arena }) => arena).slice(0, 3 * MAX_ARENAS),
      ...fromLives('pool', profile.pools, ({ pool }) => pool),
      ...fromLives('arena', [...profile.arenas].sort(byPeak).slice(0, MAX_ARENAS), ({ arena }) => arena),
      ...growthMeasures(profile),
    ],
    sites: sitesOf(profile),
    observations: all.observations,
    faults: faultsOf(profile),
  };
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);
const byPeak = (a: MemoryUse, b: MemoryUse): number => b.peakBytes - a.peakBytes;

function fromGroup(scope: MeasureScope, name: string, { values, variances, unknown }: Group): Measured[] {
  const measure = (quantity: Quantity, column: 0 | 1 | 2 | 3): Measured => ({
    scope,
    name,
    quantity,
    value: values[column],
    variance: variances[column],
  });
  const live = measure('live', INUSE_SPACE);
  // V8 tells nothing of objects that are gone: its part of these columns is always 0.
  if (unknown.includes('alloc_space') && scope === 'heap') return [live];
  return [live, measure('allocated', ALLOC_SPACE), measure('allocations', ALLOC_OBJECTS)];
}

function byLabel(profile: Profile, scope: MeasureScope, nameOf: (labels: Labels) => string | undefined): Measured[] {
  const groups = groupByKey(profile, ({ labels }) => nameOf(labels) ?? '');
  return groups.filter(({ name }) => name !== '').flatMap((group) => fromGroup(scope, group.name, group));
}

/** Processes have pools of one name each: their peaks are added, which is the most that there may have been at once. */
function fromLives<T extends MemoryUse>(
  scope: MeasureScope,
  lives: readonly T[],
  nameOf: (life: T) => string,
): Measured[] {
  const sums = new Map<string, Measured>();
  const add = (name: string, quantity: Quantity, life: T, field: UseBytes): void => {
    const key = `${name}\0${quantity}`;
    const before = sums.get(key);
    const value = (before?.value ?? 0) + life[field];
    const variance = (before?.variance ?? 0) + life.sampling[field].variance;
    sums.set(key, { scope, name, quantity, value, variance });
  };
  for (const life of lives) {
    const name = nameOf(life);
    if (name === '') continue;
    add(name, 'peak', life, 'peakBytes');
    add(name, 'late', life, 'liveAfterReleaseBytes');
  }
  return [...sums.values()];
}

/** A straight line that explains less than this is no trend: growth is 0 then. */
const TREND_R2 = 0.5;

/** Present, if only as 0, wherever requests were counted: a limit on what nobody counted must not look kept. */
function growthMeasures(profile: Profile): Measured[] {
  const sums = new Map<string, number>();
  for (const { growth } of requestUses(profile)) {
    for (const { of, pool = '', bytesPerRequest, r2 } of growth) {
      if (of === 'rss') continue;
      const grown = r2 >= TREND_R2 ? Math.max(0, bytesPerRequest) : 0;
      sums.set(pool, (sums.get(pool) ?? 0) + grown);
    }
  }
  return [...sums].map(([name, value]) => ({
    scope: name === '' ? 'total' : 'pool',
    name,
    quantity: 'growth',
    value,
    variance: 0,
  }));
}

/** The highest seen, or what the kernel remembers of it; nothing where a program was too short to be looked at. */
function residentPeak({ gauges, ledgers }: Profile): Measured[] {
  const highest = new Map<number, number>();
  const see = (pid: number, bytes: number): void => void highest.set(pid, Math.max(bytes, highest.get(pid) ?? 0));
  for (const { name, pid, points } of gauges) if (name === 'rss') for (const { value } of points) see(pid, value);
  for (const { pid, highWaterBytes } of ledgers) see(pid, highWaterBytes);
  const value = sum([...highest.values()], (bytes) => bytes);
  return value === 0 ? [] : [{ scope: 'total', name: '', quantity: 'rss', value, variance: 0 }];
}

/** The biggest sites of each arena, in use and ever allocated. */
function sitesOf(profile: Profile): SiteUse[] {
  const { siteOf } = siteReader(profile);
  const texts = new Map<readonly number[], string>();
  const keyOf = (sample: Sample): string => {
    let text = texts.get(sample.stack);
    if (text === undefined) {
      text = framesOfSite(siteOf(sample.stack)).map(frameName).join(' < ') || '(no stack)';
      texts.set(sample.stack, text);
    }
    return `${text}\0${sample.labels.arena ?? ''}`;
  };
  const sites = new Map<string, SiteUse>();
  for (const column of [INUSE_SPACE, ALLOC_SPACE] as const) {
    for (const { name, values } of groupByKey(profile, keyOf, column, MAX_SITES).slice(0, MAX_SITES)) {
      const [site = '', arena = ''] = name.split('\0');
      sites.set(name, { site, arena, liveBytes: values[INUSE_SPACE], allocatedBytes: values[ALLOC_SPACE] });
    }
  }
  return [...sites.values()];
}

/** Without the line, which moves with every change above it. */
function frameName({ name, file, module }: Frame): string {
  const place = baseName(file === '' ? module : file);
  return place === '' ? name : `${name} ${place}`;
}

function faultsOf({ processes, notices }: Profile): string[] {
  const lost = processes.flatMap(({ name, counters }) =>
    LOSSES.filter((counter) => (counters[counter] ?? 0) > 0).map(
      (counter) => `${name}: ${counter} ${counters[counter]}`,
    ),
  );
  return [...lost, ...notices.filter(({ code }) => LOSS_CODES.has(code)).map(({ message }) => message)];
}
