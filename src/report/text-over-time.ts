import { formatBytes, formatCount, formatDuration } from '../model/units.js';
import type { Summary } from '../schema/summary.js';
import { shorten } from './format.js';
import type { Paint } from './options.js';
import { NAME_WIDTH, percent } from './text-layout.js';

const SIZE_WIDTH = 13;

/** The series of the first process; summary.json has the others. */
export function gaugeTable({ gauges }: Summary, paint: Paint): string[] {
  const pid = gauges[0]?.pid;
  const shown = gauges.filter((gauge) => gauge.pid === pid && gauge.name in NAMES && (gauge.peak ?? 0) > 0);
  if (shown.length === 0) return [];
  const size = (bytes: number | null) => (bytes === null ? '' : formatBytes(bytes)).padStart(SIZE_WIDTH);
  const head = ['start', 'peak', 'end'].map((title) => title.padStart(SIZE_WIDTH)).join('');
  return [
    paint.heading(`${'Over time'.padEnd(NAME_WIDTH)}${head}`),
    ...shown.map(({ name, start, peak, end }) => {
      const label = shorten(NAMES[name] ?? name, NAME_WIDTH - 1).padEnd(NAME_WIDTH);
      return label + size(start) + size(peak) + size(end);
    }),
  ];
}

/** Series that a line of the text is worth. */
const NAMES: Readonly<Record<string, string>> = {
  rss: 'RSS',
  anonymous: 'anonymous',
  malloc_live_estimate: 'malloc in use ~',
  mmap_committed: 'mmap committed',
  swap: 'swap',
};

/** Of the main isolate of the first process; summary.json has the others. Empty where it hardly stopped. */
export function pauseTable({ gc, gauges, processes }: Summary, paint: Paint): string[] {
  const pid = gauges[0]?.pid ?? processes[0]?.pid;
  const shown = gc.filter((use) => use.pid === pid && use.threadId === 0);
  const others = gc.filter((use) => !shown.includes(use));
  if (sum(gc, 'totalNs') < WORTH_A_TABLE_NS) return [];
  const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(PAUSE_WIDTH)).join('');
  const time = (ns: number) => formatDuration(BigInt(Math.round(ns)));
  const head = cells(['pauses', 'total', 'p50', 'p99', 'longest']);
  return [
    paint.heading(`${'V8 collects'.padEnd(NAME_WIDTH)}${head}`),
    ...shown.map(
      ({ kind, pauses, totalNs, p50Ns, p99Ns, maxNs }) =>
        kind.padEnd(NAME_WIDTH) + cells([formatCount(pauses), ...[totalNs, p50Ns, p99Ns, maxNs].map(time)]),
    ),
    ...(others.length === 0
      ? []
      : [
          'other isolates'.padEnd(NAME_WIDTH) +
            cells([formatCount(sum(others, 'pauses')), time(sum(others, 'totalNs')), '', '']) +
            time(Math.max(...others.map(({ maxNs }) => maxNs))).padStart(PAUSE_WIDTH),
        ]),
  ];
}

const PAUSE_WIDTH = 11;
const WORTH_A_TABLE_NS = 10e6;

function sum(uses: Summary['gc'], column: 'pauses' | 'totalNs'): number {
  return uses.reduce((total, use) => total + use[column], 0);
}

/** What else made the program wait, or is about to; empty where nothing did. */
export function waits({ faults, cgroup, pressure, durationNs }: Summary): string[] {
  const major = faults.reduce((total, one) => total + one.major, 0);
  const waitedNs = Math.max(pressure.someNs ?? 0, ...cgroup.map(({ someNs }) => someNs ?? 0));
  return [
    ...(major < WORTH_A_LINE_FAULTS ? [] : [`${formatCount(major)} page faults waited for a disk`]),
    ...cgroup.flatMap(cgroupLines),
    ...(waitedNs < WORTH_A_LINE_WAIT * Number(durationNs) || waitedNs === 0
      ? []
      : [`tasks waited for memory for ${formatDuration(BigInt(Math.round(waitedNs)))} (pressure stall)`]),
  ];
}

/** A program reads its own code from disk the first time. */
const WORTH_A_LINE_FAULTS = 100;
/** Of the time. */
const WORTH_A_LINE_WAIT = 0.001;
/** Of the limit. */
const NEAR = 0.8;

function cgroupLines({ usage, limitBytes, events }: Summary['cgroup'][number]): string[] {
  const times = (count: number): string => `${formatCount(count)} ${count === 1 ? 'time' : 'times'}`;
  const share = limitBytes === null ? 0 : usage.peak / limitBytes;
  return [
    ...(share < NEAR || limitBytes === null
      ? []
      : [
          `the control group used ${formatBytes(usage.peak)} of its ${formatBytes(limitBytes)} (${percent(share).trim()})`,
        ]),
    ...(events.max > 0 ? [`the control group ran into its limit ${times(events.max)}`] : []),
    ...(events.high > 0 ? [`the control group was slowed down above memory.high ${times(events.high)}`] : []),
    ...(events.oom > 0 ? [`the control group was out of memory ${times(events.oom)}`] : []),
    ...(events.oomKill > 0
      ? [`the kernel killed ${times(events.oomKill)} in the control group for want of memory`]
      : []),
  ];
}
