import { baseName, placeOf } from '../../model/frames.js';
import type { Profile } from '../../model/profile.js';
import { formatBytes, formatCount, formatDuration } from '../../model/units.js';
import type { Estimate, SummaryRow, SummarySiteFrame } from '../../schema/summary.js';
import { formatEstimate, printable, shortenName } from '../format.js';
import type { ReportOptions } from '../options.js';
import type { Cell, PageTable } from './page-data.js';
import { pauseTable } from './pause-table.js';

/** Longer names lose their parameters. */
const MAX_NAME = 64;

const text = (title: string) => ({ title, isNumber: false });
const number = (title: string) => ({ title, isNumber: true });

/** Tables that have rows. */
export function tablesOf(profile: Profile, options: ReportOptions): PageTable[] {
  return [
    sites(options),
    pools(options),
    arenas(options),
    pauseTable(profile),
    heaps(options),
    processes(options),
  ].filter(({ rows }) => rows.length > 0);
}

function sites({ summary }: ReportOptions): PageTable {
  return {
    title: 'Where it was allocated',
    note: 'the biggest sites by bytes in use',
    columns: [text('site'), text('heap'), number('in use'), number('share'), number('objects'), number('allocated')],
    rows: summary.sites.map((row) => [
      siteCell(row),
      { text: row.heap ?? '' },
      bytesCell(row.inuse_space),
      shareCell(row.share),
      estimateCell(row.inuse_objects, 'count'),
      bytesCell(row.alloc_space),
    ]),
  };
}

/** Who called whom, and below it where: the names of files without their folders, which stand in the hint. */
function siteCell({ name, user, js, callee }: SummaryRow): Cell {
  const frames = [user, js, callee].filter((frame) => frame !== undefined);
  if (frames.length === 0) return { text: printable(name) };
  const placeText = (frame: SummarySiteFrame): string =>
    placeOf({ ...frame, file: baseName(frame.file) }) || baseName(frame.module);
  return {
    text: frames.map((frame) => shortenName(frame.name, MAX_NAME)).join(' → '),
    detail: frames.map(placeText).join(' → '),
    hint: printable(name),
  };
}

function pools({ summary }: ReportOptions): PageTable {
  return {
    title: 'Pools',
    note: summary.pools.folded > 0 ? `${formatCount(summary.pools.folded)} more are not listed` : '',
    columns: [
      text('pool'),
      number('in use'),
      number('share'),
      number('peak'),
      number('arenas'),
      number('hold memory'),
      number('left after release'),
      number('allocated'),
    ],
    rows: summary.pools.rows.map(({ pool, pid, inuse_space, alloc_space, share, life }) => [
      { text: pool, detail: summary.processes.length > 1 ? `process ${pid}` : '' },
      bytesCell(inuse_space),
      shareCell(share),
      life ? bytesCell(life.peakBytes) : NONE,
      life ? countCell(life.arenas) : NONE,
      life ? countCell(life.holdingArenas) : NONE,
      life ? bytesCell(life.liveAfterReleaseBytes) : NONE,
      bytesCell(alloc_space),
    ]),
  };
}

function arenas({ summary }: ReportOptions): PageTable {
  const folded = summary.arenas.folded.reduce((sum, row) => sum + row.arenas, 0);
  return {
    title: 'Arenas',
    note:
      folded > 0 ? `the biggest of each pool; ${formatCount(folded)} more are not listed` : 'the biggest of each pool',
    columns: [
      text('arena'),
      text('pool'),
      number('in use'),
      number('share'),
      number('peak'),
      number('lived'),
      number('left after release'),
      number('allocated'),
    ],
    rows: summary.arenas.rows.map(({ pool, arena, inuse_space, alloc_space, share, life }) => [
      { text: arena || '(no arena)', detail: life?.source === undefined ? '' : `known by: ${life.source}` },
      { text: pool },
      bytesCell(inuse_space),
      shareCell(share),
      life ? bytesCell(life.peakBytes) : NONE,
      life ? livedCell(life.createdNs, life.releasedNs) : NONE,
      life ? bytesCell(life.liveAfterReleaseBytes) : NONE,
      bytesCell(alloc_space),
    ]),
  };
}

function heaps({ summary }: ReportOptions): PageTable {
  return {
    title: 'Heaps',
    note: 'memory by allocator',
    columns: [text('heap'), number('in use'), number('share'), number('objects'), number('allocated')],
    rows: summary.heaps.map((row) => [
      { text: row.name },
      bytesCell(row.inuse_space),
      shareCell(row.share),
      estimateCell(row.inuse_objects, 'count'),
      bytesCell(row.alloc_space),
    ]),
  };
}

function processes({ summary }: ReportOptions): PageTable {
  return {
    title: 'Processes',
    note: '',
    columns: [
      text('process'),
      text('runtime'),
      text('allocator'),
      number('peak of what is in use'),
      number('sampled every'),
    ],
    rows: summary.processes.map(({ pid, parentPid, name, nodeVersion, v8Version, allocator, libc, peak, sampling }) => [
      { text: `${name} [${pid}]`, detail: `parent ${parentPid}` },
      { text: nodeVersion ? `Node ${nodeVersion}` : '', detail: v8Version ? `V8 ${v8Version}` : '' },
      { text: allocator, detail: libc },
      { text: formatBytes(peak.bytes), sort: peak.bytes },
      { text: formatBytes(sampling.nativeMeanBytes), sort: sampling.nativeMeanBytes },
    ]),
  };
}

const NONE: Cell = { text: '', sort: -1 };

const bytesCell = (estimate: Estimate): Cell => estimateCell(estimate, 'bytes');

function estimateCell(estimate: Estimate, unit: 'bytes' | 'count'): Cell {
  return { text: formatEstimate(estimate, unit), sort: estimate.value ?? estimate.low ?? -1 };
}

const shareCell = (share: number): Cell => ({ text: `${(share * 100).toFixed(1)} %`, sort: share });
const countCell = (count: number): Cell => ({ text: formatCount(count), sort: count });

function livedCell(createdNs: string | null, releasedNs: string | null): Cell {
  if (createdNs === null) return NONE;
  if (releasedNs === null) return { text: 'to the end', sort: Number.MAX_VALUE };
  const ns = BigInt(releasedNs) - BigInt(createdNs);
  return { text: formatDuration(ns), sort: Number(ns) };
}
