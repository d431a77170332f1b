import { ALLOC_SPACE, INUSE_SPACE, type ProcessInfo, type Profile } from '../model/profile.js';
import type { Summary } from '../schema/summary.js';
import { SUMMARY_VERSION } from '../schema/summary-version.js';
import { arenasAndPools } from './arenas.js';
import { type GroupBy, group, total } from './group.js';
import { ledgersOf } from './ledger-summary.js';
import { overTime } from './over-time.js';
import { requestUses } from './requests.js';
import { row } from './row.js';
import { topSites } from './top.js';

export interface SummaryOptions {
  readonly memprofVersion: string;
  /** Also list every group of this kind. */
  readonly by?: GroupBy;
  /** How many sites to list; 10 unless told. */
  readonly top?: number;
}

const RECORDED = {
  kept: [
    'short names, process ids, parents and thread names of the processes',
    'names, files, lines and offsets of functions; paths and build ids of binaries; paths of mapped files of 1 MiB and more',
    'sizes, times, addresses and counts of sampled allocations and of mappings',
    'versions of Node, V8 and the C library; resident and committed bytes, page faults and swap over time',
    "use, limit and events of the program's control group, never its name; how long tasks waited for memory",
    "the program's exit status",
  ],
  never: ['contents of memory', 'source text', 'command-line arguments', 'environment variables'],
};

/** The canonical result of a profile: what summary.json holds and what the text report prints. Throws nothing. */
export function summarize(profile: Profile, options: SummaryOptions): Summary {
  const { by } = options;
  return {
    version: SUMMARY_VERSION,
    memprofVersion: options.memprofVersion,
    moment: profile.moment,
    startedAtNs: profile.startedAtNs.toString(),
    durationNs: profile.durationNs.toString(),
    periodBytes: profile.periodBytes,
    total: row(total(profile)),
    heaps: group(profile, 'heap').map(row),
    sites: topSites(profile, options.top).map(row),
    ...arenasAndPools(profile),
    ...(by && { groups: groupsBy(profile, by) }),
    processes: profile.processes.map(processOf),
    ...overTime(profile),
    requests: requestUses(profile).map((use) => ({ ...use, growth: [...use.growth] })),
    ...ledgersOf(profile),
    unknown: profile.unknown.map(({ heap, types }) => ({ heap, types: [...types] })),
    notices: profile.notices.map((notice) => ({ ...notice })),
    recorded: { kept: [...RECORDED.kept], never: [...RECORDED.never] },
  };
}

/** What a program names may have no bound, and error bars take time. */
const MAX_NAMED_ROWS = 1_000;
const IS_NAMED: ReadonlySet<GroupBy> = new Set(['pool', 'arena', 'stage', 'label']);

function groupsBy(profile: Profile, by: GroupBy): NonNullable<Summary['groups']> {
  const groups = group(profile, by);
  if (!IS_NAMED.has(by)) return { by, rows: groups.map(row) };
  const rest = groups.slice(MAX_NAMED_ROWS);
  const sum = (column: typeof ALLOC_SPACE | typeof INUSE_SPACE): number =>
    Math.round(rest.reduce((all, { values }) => all + values[column], 0));
  const folded = { rows: rest.length, inuseBytes: sum(INUSE_SPACE), allocatedBytes: sum(ALLOC_SPACE) };
  return { by, rows: groups.slice(0, MAX_NAMED_ROWS).map(row), folded };
}

function processOf(process: ProcessInfo): Summary['processes'][number] {
  const { nativeMeanBytes, nativeMeanAtEndBytes, v8IntervalBytes, peakBytes, peakTimeNs, counters, ...rest } = process;
  return {
    ...rest,
    sampling: { nativeMeanBytes, nativeMeanAtEndBytes, v8IntervalBytes },
    peak: { bytes: Math.round(peakBytes), timeNs: peakTimeNs.toString() },
    counters: { ...counters },
  };
}
