import { noticeText } from '../model/notices.js';
import type { Profile } from '../model/profile.js';
import { formatBytes, formatCount, formatDuration } from '../model/units.js';
import type { Estimate, Summary, SummaryRow } from '../schema/summary.js';
import { MARKS, printable, shorten } from './format.js';
import { type Paint, PLAIN, type ReportOptions } from './options.js';
import { arenaTable } from './text-arenas.js';
import { NAME_WIDTH, painted, percent, rowName, SHARE_WIDTH, VALUE_WIDTH, WIDTH, wrap } from './text-layout.js';
import { residentTable } from './text-ledger.js';
import { gaugeTable, pauseTable, waits } from './text-over-time.js';
import { poolTable } from './text-pools.js';
import { requestLines } from './text-requests.js';
import { siteLines } from './text-site.js';

const MOMENT_TEXT = {
  end: 'in use at the end',
  peak: 'in use at the peak',
  timer: 'in use at the last timed snapshot',
  demand: 'in use when asked',
} as const satisfies Record<Summary['moment'], string>;

/** The summary for people: 80 columns, colours only through `paint`. */
export function writeText(_profile: Profile, { summary, paint = PLAIN }: ReportOptions): string {
  const sections = [
    header(summary, paint),
    table('By heap', summary.heaps, paint),
    residentTable(summary, paint),
    ...whose(summary, paint),
    [...gaugeTable(summary, paint), ...waits(summary)],
    pauseTable(summary, paint),
    requestLines(summary, paint),
    processes(summary, paint),
    notices(summary, paint),
    [...notKnown(summary, paint), ...approximateLines(summary, paint), legend(paint)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function header(summary: Summary, paint: Paint): string[] {
  const names = [...new Set(summary.processes.map(({ name }) => name))].join(', ') || 'profile';
  const count = summary.processes.length;
  const durationNs = BigInt(summary.durationNs);
  const parts = [
    ...(durationNs > 0n ? [formatDuration(durationNs)] : []),
    ...(count > 1 ? [`${count} processes`] : []),
    MOMENT_TEXT[summary.moment],
  ];
  const { total } = summary;
  return [
    paint.heading(shorten(`memprof  ${names}  ${parts.join(', ')}`, WIDTH)),
    '',
    `in use     ${painted(total.inuse_space, 'bytes', paint)}  in ${bare(total.inuse_objects)} objects`,
    `allocated  ${painted(total.alloc_space, 'bytes', paint)}  in ${bare(total.alloc_objects)} objects`,
    ...arenaHint(summary, paint),
    ...peakHint(summary, paint),
  ];
}

/** Below this share it is no news. */
const UNKNOWN_WORTH_A_LINE = 0.001;

/** Of how much neither the program nor a rule says what it is for. */
function arenaHint({ unnamed: { inuse_space, share }, processes }: Summary, paint: Paint): string[] {
  // A profile of another program's making knows no arenas.
  if (share < UNKNOWN_WORTH_A_LINE || processes.length === 0) return [];
  const of = `${percent(share).trim()} of it; where: memprof rules test DIR`;
  return [`no arena   ${painted(inuse_space, 'bytes', paint)}  ${of}`];
}

/** Below this nobody looks for the rest. */
const PEAK_WORTH_A_LINE_BYTES = 4 << 20;

/** A program that frees before it ends (Python, llama.cpp) has little left to show there. */
function peakHint({ moment, processes, total }: Summary, paint: Paint): string[] {
  const peak = Math.max(0, ...processes.map((process) => process.peak.bytes));
  const now = total.inuse_space.value ?? 0;
  if (moment !== 'end' || peak < PEAK_WORTH_A_LINE_BYTES || peak < 2 * now) return [];
  return [
    `at peak    ${paint.estimated(`${MARKS.estimated} ${formatBytes(peak)}`)}  see it: memprof report DIR --moment peak`,
  ];
}

/** A count with its mark, without its error bar: the bytes before it have one. */
function bare({ kind, value, low }: Estimate): string {
  if (value !== null) return `${MARKS[kind]} ${formatCount(value)}`;
  return `${MARKS[kind]} ${low === null ? 'unknown' : `over ${formatCount(low)}`}`;
}

function table(title: string, rows: readonly SummaryRow[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  const head = `${title.padEnd(NAME_WIDTH)}${'in use'.padEnd(VALUE_WIDTH)}${'allocated'.padEnd(VALUE_WIDTH)}${'share'.padStart(SHARE_WIDTH)}`;
  return [
    paint.heading(head),
    ...rows.flatMap((row) => {
      // Of several labels no part says enough.
      const isWhole = row.name.includes(',') && printable(row.name).length >= NAME_WIDTH;
      const name = isWhole ? '' : rowName(row.name);
      const line = `${name.padEnd(NAME_WIDTH)}${columns(row, paint)}`;
      return isWhole ? [shorten(row.name, WIDTH), line] : [line];
    }),
  ];
}

const columns = (row: SummaryRow, paint: Paint): string =>
  painted(row.inuse_space, 'bytes', paint, VALUE_WIDTH) +
  painted(row.alloc_space, 'bytes', paint, VALUE_WIDTH) +
  percent(row.share);

/** Pools of a program that names its memory; more of them where they were asked for. */
const POOLS = { maxPools: 8, hint: '--by pool' };
const POOLS_ASKED_FOR = { maxPools: 40, hint: '--format json' };
const MAX_ROWS = 40;

function whose(summary: Summary, paint: Paint): string[][] {
  const { groups, arenas } = summary;
  if (groups === undefined) {
    return [poolTable(summary, POOLS, paint), sites('Biggest sites', summary.sites, paint)];
  }
  const pools = poolTable(summary, POOLS_ASKED_FOR, paint);
  // Without a recording of their lives, arenas are groups like others.
  if (groups.by === 'arena' && arenas.rows.some(({ life }) => life !== undefined)) {
    return [pools, arenaTable(summary, paint)];
  }
  if (groups.by === 'site') return [sites('Sites', groups.rows, paint)];
  return groups.by === 'pool' ? [groupTable(groups, paint), pools] : [groupTable(groups, paint)];
}

function groupTable({ by, rows, folded }: NonNullable<Summary['groups']>, paint: Paint): string[] {
  const shown = folded === undefined ? rows : rows.slice(0, MAX_ROWS);
  const rest = rows.slice(shown.length);
  const count = rest.length + (folded?.rows ?? 0);
  if (count === 0) return table(`By ${by}`, shown, paint);
  const bytes = rest.reduce((sum, row) => sum + (row.inuse_space.value ?? 0), folded?.inuseBytes ?? 0);
  return [
    ...table(`By ${by}`, shown, paint),
    paint.dim(`and ${formatCount(count)} more: ${formatBytes(bytes)} in use`),
  ];
}

function sites(title: string, rows: readonly SummaryRow[], paint: Paint): string[] {
  if (rows.length === 0) return [paint.heading(title), '  nothing was in use'];
  return [
    paint.heading(title),
    ...rows.flatMap((row, i) => [
      `${String(i + 1).padStart(3)}  ${painted(row.inuse_space, 'bytes', paint, VALUE_WIDTH)}${percent(row.share)}  ${printable(row.heap ?? '')}`,
      ...siteLines(row).map((line) => paint.dim(`       ${line}`)),
    ]),
  ];
}

/** Sampling steps are powers of two: `64 KiB`, not `64.0 KiB`. */
const formatStep = (bytes: number): string => formatBytes(bytes).replace('.0 ', ' ');

/** Counters that tell how much was seen; all others tell of something lost or less exact. */
const TALLIES = new Set(['alloc_samples', 'free_samples', 'map_events', 'sample_ns', 'mean_raises']);

/** Counters in words; one that is new here shows by its name. */
const LOSSES: Readonly<Record<string, string>> = {
  dropped_live: 'samples dropped, table of live ones full',
  dropped_sites: 'samples dropped, tables of call paths full',
  dropped_mappings: 'mapping changes not followed',
  dropped_nested: 'samples skipped inside the sampler',
  dropped_growth: 'times no room for a larger table',
  truncated_stacks: 'stacks cut at 255 frames',
  broken_stacks: 'stacks that do not reach the root',
  dropped_tags: 'names and contexts without room',
  unknown_js_frames: 'JavaScript frames not recognised',
  approx_js_lines: 'lines that may be off by a statement',
  lost_events: 'events not in the recording',
};

/** A shell script starts hundreds. */
const MAX_PROCESSES = 8;

function processes(summary: Summary, paint: Paint): string[] {
  if (summary.processes.length === 0) return [];
  return [
    paint.heading('Processes'),
    ...summary.processes.slice(0, MAX_PROCESSES).flatMap((process) => {
      const { nativeMeanBytes, nativeMeanAtEndBytes, v8IntervalBytes } = process.sampling;
      const raised = nativeMeanAtEndBytes > nativeMeanBytes ? `-${formatStep(nativeMeanAtEndBytes)}` : '';
      const facts = [
        ...(process.nodeVersion ? [`Node ${process.nodeVersion.replace(/^v/, '')}`] : []),
        ...(process.forked ? ['forked'] : []),
        ...(process.peak.bytes > 0 ? [`peak ${formatBytes(process.peak.bytes)}`] : []),
        ...(nativeMeanBytes > 0 ? [`a sample every ${formatStep(nativeMeanBytes)}${raised}`] : []),
        ...(process.samplerBytes ? [`sampler at most ${formatBytes(process.samplerBytes)}`] : []),
        ...(v8IntervalBytes > 0 ? [`V8 ${formatStep(v8IntervalBytes)}`] : []),
      ];
      const lost = Object.entries(process.counters).filter(([name, count]) => count > 0 && !TALLIES.has(name));
      return [
        ...wrap(`${process.name} [${process.pid}] ${facts.join(', ')}`, '', '  '),
        ...(lost.length > 0
          ? wrap(lost.map(([name, count]) => `${formatCount(count)} ${LOSSES[name] ?? name}`).join('; '), '  ! ').map(
              (line) => paint.warning(line),
            )
          : []),
      ];
    }),
    ...(summary.processes.length > MAX_PROCESSES
      ? [`and ${summary.processes.length - MAX_PROCESSES} more: --by process`]
      : []),
  ];
}

/** Not a fault: what a heap cannot tell by its nature. It stands under the legend's mark, apart from the warnings. */
function notKnown(summary: Summary, paint: Paint): string[] {
  return summary.unknown.flatMap(({ heap, types }) =>
    wrap(`${heap} does not tell ${types.join(', ')}; sums are of the other heaps`, `${MARKS.unknown} `).map((line) =>
      paint.unknown(line),
    ),
  );
}

/** The mark explained, where it is to be seen. */
function approximateLines({ sites, groups }: Summary, paint: Paint): string[] {
  const shown = groups ? groups.rows : sites;
  const isMarked = shown.some(({ user, js, callee }) => user?.approximate || js?.approximate || callee?.approximate);
  return isMarked
    ? [paint.estimated(`:${MARKS.estimated}17  the call is near this line, for some of the bytes at least`)]
    : [];
}

function notices(summary: Summary, paint: Paint): string[] {
  return summary.notices.flatMap((notice) => {
    const pid = notice.pid === undefined ? '' : `[${notice.pid}] `;
    return wrap(`${pid}${noticeText(notice)}`, '! ').map((line) => paint.warning(line));
  });
}

function legend(paint: Paint): string {
  return [
    paint.measured(`${MARKS.measured} measured`),
    paint.estimated(`${MARKS.estimated} estimated, with its 95 % interval`),
    paint.unknown(`${MARKS.unknown} not known here`),
  ].join('   ');
}
