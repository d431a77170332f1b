import type { ArenaUse } from '../../model/arenas.js';
import { GC_KINDS } from '../../model/moments.js';
import type { ProcessInfo, Profile } from '../../model/profile.js';
import type { ReportOptions } from '../options.js';
import { pageLedgers } from './ledgers.js';
import type { Curve, Life, PageLedger, PageProcess, PauseColumns } from './page-data.js';
import { ratesOf } from './rates.js';
import { ledgerStack, liveStacks } from './stacks.js';
import { clockOf, gridOf, resample, type SecondsOf } from './timeline.js';

/** Lines of their own: what each gauge is called on the page, in the order of the legend. */
const LINES: readonly (readonly [name: string, title: string])[] = [
  ['rss', 'RSS'],
  ['anonymous', 'anonymous memory'],
  ['malloc_live_estimate', 'malloc in use, estimated'],
  ['mmap_committed', 'mapped by libraries'],
  ['v8_total', 'V8 heap'],
  ['v8_used', 'V8 objects'],
  ['swap', 'swap'],
  ['huge_pages', 'huge pages'],
  ['page_tables', 'page tables'],
  ['cgroup_usage', 'control group, usage'],
  ['cgroup_limit', 'control group, limit'],
];
/** Beyond, only the biggest are kept. */
const MAX_LIVES = 400;
const MAX_MARKS = 2_000;

/** What is drawn over time, by process, that with the highest RSS first. */
export function processData(profile: Profile, options: ReportOptions): PageProcess[] {
  const secondsOf = clockOf(profile);
  const processes = profile.processes.map((process) => oneProcess(profile, process, options, secondsOf));
  const highest = ({ lines }: PageProcess): number =>
    (lines[0]?.values ?? []).reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  return processes.sort((a, b) => highest(b) - highest(a));
}

function oneProcess(
  profile: Profile,
  { pid, name }: ProcessInfo,
  options: ReportOptions,
  secondsOf: SecondsOf,
): PageProcess {
  const gauges = profile.gauges.filter((gauge) => gauge.pid === pid && gauge.points.length > 0);
  const ledgers = (options.ledgers ?? []).filter(({ ledger }) => ledger.pid === pid);
  const { lineKinds, ledgers: readings } = pageLedgers(ledgers, secondsOf);
  const seconds = gridOf(
    gauges.map(({ points }) => points.map(({ timeNs }) => secondsOf(timeNs))),
    readings.map((reading) => reading.seconds),
  );
  const lines = LINES.flatMap(([gaugeName, title]) =>
    gauges
      .filter((gauge) => gauge.name === gaugeName && gauge.unit === 'bytes')
      .map((gauge) => ({
        name: gaugeName,
        title: gauge.thread === undefined || gauge.thread === 'main' ? title : `${title}, ${gauge.thread}`,
        values: resample(gauge.points, secondsOf, seconds),
      })),
  );
  const drawn = lines
    .filter(({ values }) => values.some((value) => value !== null && value > 0))
    .map((curve) => (curve.name === 'rss' ? withReadings(curve, seconds, readings) : curve));
  const rss = drawn.find(({ name }) => name === 'rss')?.values ?? [];
  return {
    pid,
    label: `${name} [${pid}]`,
    seconds,
    lines: drawn,
    stacks: [ledgerStack(lineKinds, readings, seconds, rss), ...liveStacks(gauges, secondsOf, seconds)].flatMap(
      (stack) => stack ?? [],
    ),
    rates: ratesOf(gauges, secondsOf, seconds),
    pauses: pausesOf(profile, pid, secondsOf),
    marks: profile.marks
      .filter((mark) => mark.pid === pid)
      .slice(0, MAX_MARKS)
      .map((mark) => ({ seconds: secondsOf(mark.timeNs), kind: mark.kind, name: mark.name })),
    arenas: livesOf(profile, pid, secondsOf),
    lineKinds,
    ledgers: readings,
  };
}

function pausesOf(profile: Profile, pid: number, secondsOf: SecondsOf): PauseColumns {
  const pauses = profile.pauses.filter((pause) => pause.pid === pid);
  return {
    kindNames: GC_KINDS,
    seconds: pauses.map(({ timeNs }) => secondsOf(timeNs)),
    milliseconds: pauses.map(({ durationNs }) => Math.round(durationNs / 1e3) / 1e3),
    kinds: pauses.map(({ kind }) => GC_KINDS.indexOf(kind)),
    threads: pauses.map(({ threadId }) => threadId),
    causes: pauses.map(({ cause }) => cause),
  };
}

/** A reading knows RSS better than the last look before it. */
function withReadings(rss: Curve, seconds: readonly number[], readings: readonly PageLedger[]): Curve {
  const known = new Map(readings.map((reading) => [reading.seconds, reading.rssBytes]));
  return { ...rss, values: rss.values.map((value, at) => known.get(seconds[at] ?? -1) ?? value) };
}

function livesOf(profile: Profile, pid: number, secondsOf: SecondsOf): Life[] {
  // One that a rule names was never made: nobody knows when it began.
  const named = profile.arenas.filter((use) => use.pid === pid && use.arena !== '' && use.createdNs > 0n);
  return takingTurns(named)
    .slice(0, MAX_LIVES)
    .map((use) => ({
      name: use.arena,
      pool: use.pool,
      from: secondsOf(use.createdNs),
      to: use.releasedNs > 0n ? secondsOf(use.releasedNs) : null,
      // Released and still holding memory: what a leak looks like.
      heldTo: use.releasedNs > 0n && use.lastFreedNs > use.releasedNs ? secondsOf(use.lastFreedNs) : null,
      isHeld: use.releasedNs > 0n && use.liveAfterReleaseBytes > 0,
      peakBytes: Math.round(use.peakBytes),
    }));
}

/** The biggest of each pool, then the second of each, and so on: what has room shows every pool. */
function takingTurns(arenas: readonly ArenaUse[]): ArenaUse[] {
  const ranks = new Map<string, number>();
  return [...arenas]
    .sort((a, b) => b.peakBytes - a.peakBytes)
    .map((use) => {
      const rank = ranks.get(use.pool) ?? 0;
      ranks.set(use.pool, rank + 1);
      return { use, rank };
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ use }) => use);
}
