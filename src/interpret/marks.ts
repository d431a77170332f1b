import type { ArenaUse } from '../model/arenas.js';
import type { Mark } from '../model/moments.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';

/** Arenas whose lives are marked: the largest. */
const MAX_ARENAS = 100;
const MAX_LEDGERS = 200;

/**
 * What happened when in one process, by time.
 * @param peakTimeNs since the Unix epoch; 0n: not known.
 */
export function marksOf(recording: ProcessRecording, arenas: readonly ArenaUse[], peakTimeNs: bigint): Mark[] {
  const { pid } = recording.identity;
  const unix = (timeNs: number | bigint): bigint => toUnixNs(recording, BigInt(timeNs));
  const mark = (kind: Mark['kind'], timeNs: bigint, name = ''): Mark => ({ pid, timeNs, name, kind });
  const largest = arenas
    .filter(({ arena }) => arena !== '')
    .sort((a, b) => b.peakBytes - a.peakBytes)
    .slice(0, MAX_ARENAS);
  const marks = [
    ...recording.stages.changes().map(({ timeNs, stage }) => mark('stage', unix(timeNs), stage)),
    ...largest.flatMap(({ arena, createdNs }) => (createdNs > 0n ? [mark('arena-created', createdNs, arena)] : [])),
    ...largest.flatMap(({ arena, releasedNs }) => (releasedNs > 0n ? [mark('arena-released', releasedNs, arena)] : [])),
    ...evenly(recording.ledgers, MAX_LEDGERS).map(({ timeNs }) => mark('ledger', unix(timeNs))),
    ...cgroupEvents(recording).map(({ timeNs, name }) => mark('cgroup-event', unix(timeNs), name)),
    ...(peakTimeNs > 0n ? [mark('peak', peakTimeNs)] : []),
  ];
  return marks.sort((a, b) => Number(a.timeNs - b.timeNs));
}

const CGROUP_EVENTS = ['oom', 'oom_kill', 'high', 'max'];
/** Of each kind. */
const MAX_CGROUP_EVENTS = 100;

/** Where a counter of the control group has grown. */
function cgroupEvents({ series }: ProcessRecording): { readonly timeNs: number; readonly name: string }[] {
  return CGROUP_EVENTS.flatMap((name) => {
    const { times = [], values = [] } = series.all().find((one) => one.name === `cgroup_${name}`) ?? {};
    const grown = times.filter((_, at) => at > 0 && (values[at] ?? 0) > (values[at - 1] ?? 0));
    return evenly(grown, MAX_CGROUP_EVENTS).map((timeNs) => ({ timeNs, name }));
  });
}

/** So many of them, the first and the last among them. */
function evenly<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => Math.round((i * (all.length - 1)) / (most - 1))).flatMap(
    (at) => all[at] ?? [],
  );
}
