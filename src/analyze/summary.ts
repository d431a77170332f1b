import type { Frame } from '../model/frames.js';
import {
  ALLOC_OBJECTS,
  ALLOC_SPACE,
  type Gauge,
  INUSE_OBJECTS,
  INUSE_SPACE,
  type ProcessInfo,
  type Profile,
  SAMPLE_TYPES,
} from '../model/profile.js';
import type { Estimate, Summary, SummaryRow, SummarySiteFrame } from '../schema/summary.js';
import { SUMMARY_VERSION } from '../schema/summary-version.js';
import { type Group, type GroupBy, group, total } from './group.js';
import { type Interval, intervals } from './interval.js';
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
    'names, files, lines and offsets of functions; paths and build ids of binaries',
    'sizes, times, addresses and counts of sampled allocations and of mappings',
    'versions of Node, V8 and the C library; resident and committed bytes over time',
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
    ...(by && { groups: { by, rows: group(profile, by).map(row) } }),
    processes: profile.processes.map(processOf),
    gauges: profile.gauges.map(gaugeOf),
    unknown: profile.unknown.map(({ heap, types }) => ({ heap, types: [...types] })),
    notices: profile.notices.map((notice) => ({ ...notice })),
    recorded: { kept: [...RECORDED.kept], never: [...RECORDED.never] },
  };
}

function row(group: Group): SummaryRow {
  const { site } = group;
  const inuse = pair(group, INUSE_OBJECTS, INUSE_SPACE);
  const alloc = atLeast(pair(group, ALLOC_OBJECTS, ALLOC_SPACE), inuse);
  return {
    name: group.name,
    ...(group.heap !== undefined && { heap: group.heap }),
    alloc_objects: alloc.objects,
    alloc_space: alloc.bytes,
    inuse_objects: inuse.objects,
    inuse_space: inuse.bytes,
    observations: group.observations,
    share: Number(group.share.toFixed(4)),
    ...(site?.user && { user: siteFrame(site.user) }),
    ...(site?.js && { js: siteFrame(site.js) }),
    ...(site?.callee && { callee: siteFrame(site.callee) }),
  };
}

const siteFrame = ({ name, file, line, approximate, module }: Frame): SummarySiteFrame => ({
  name,
  file,
  line,
  ...(approximate && { approximate }),
  module,
});

type Column = 0 | 1 | 2 | 3;

/** Objects and bytes of one pair of columns; the interval is that of the sampled part, moved by the measured part. */
function pair(group: Group, objectsColumn: Column, bytesColumn: Column): { objects: Estimate; bytes: Estimate } {
  const { values, variances, exact } = group;
  const sampled = intervals({
    objects: values[objectsColumn] - exact[objectsColumn],
    bytes: values[bytesColumn] - exact[bytesColumn],
    objectsVariance: variances[objectsColumn],
    bytesVariance: variances[bytesColumn],
    unseenBytes: group.unseenBytes,
  });
  return {
    objects: estimate(group, objectsColumn, sampled.objects),
    bytes: estimate(group, bytesColumn, sampled.bytes),
  };
}

type Pair = ReturnType<typeof pair>;

/** What is in use was allocated, also in heaps that do not count allocations. */
function atLeast(alloc: Pair, inuse: Pair): Pair {
  const raise = (unknown: Estimate, least: Estimate): Estimate =>
    unknown.kind === 'unknown' && unknown.low !== null && least.low !== null
      ? { ...unknown, low: Math.max(unknown.low, least.low) }
      : unknown;
  return { objects: raise(alloc.objects, inuse.objects), bytes: raise(alloc.bytes, inuse.bytes) };
}

/** Bytes and objects are whole things: more digits would only look exact. */
function estimate(group: Group, column: Column, sampled: Interval): Estimate {
  const value = group.values[column];
  const low = Math.round(group.exact[column] + sampled.low);
  const high = Math.round(group.exact[column] + sampled.high);
  if (group.unknown.includes(SAMPLE_TYPES[column].type)) {
    // Heaps that do know the column still give a lower bound.
    return { kind: 'unknown', value: null, low: value > 0 ? low : null, high: null };
  }
  // A block that is seen for certain is no measurement of its site: small ones may be there too.
  const isEstimate = group.variances[column] > 0 || group.unseenBytes > 0;
  return { kind: isEstimate ? 'estimated' : 'measured', value: Math.round(value), low, high };
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

function gaugeOf(gauge: Gauge): Summary['gauges'][number] {
  const { name, unit, pid, points } = gauge;
  let peak = points[0];
  for (const point of points) if (peak === undefined || point.value > peak.value) peak = point;
  return {
    name,
    unit,
    pid,
    points: points.length,
    start: points[0]?.value ?? null,
    peak: peak?.value ?? null,
    peakTimeNs: peak?.timeNs.toString() ?? null,
    end: points.at(-1)?.value ?? null,
  };
}
