import { formatBytes, formatCount, formatDuration } from '../model/units.js';
import type { SummaryPool } from '../schema/summary.js';

/** A sentence about a pool. What may be garbage that V8 had no reason to collect yet is no fault. */
export interface PoolSentence {
  readonly text: string;
  readonly isFault: boolean;
}

/** V8 collects what an idle program left sooner or later; a minute of requests it does not wait. */
const SURELY_LATE_NS = 10_000_000_000n;
/** A pool that is asked less often has not had its chance. */
const MANY_TAKES = 100;

type PoolLife = NonNullable<SummaryPool['life']>;

/** What is wrong with a pool, or may be. */
export function sentencesOf({ life }: SummaryPool): PoolSentence[] {
  if (life === undefined) return [];
  const found = [overBudget(life), neverHit(life), leftAfterRelease(life), ...misuse(life)];
  const faults = found.flatMap((text) => (text === undefined ? [] : [{ text, isFault: true }]));
  const late = heldOn(life);
  return late === undefined ? faults : [...faults, late];
}

function overBudget({ budgetBytes, peakBytes }: PoolLife): string | undefined {
  const over = (peakBytes.value ?? 0) - budgetBytes;
  if (budgetBytes === 0 || over <= 0) return undefined;
  return `its peak is ${formatBytes(over)} over its budget of ${formatBytes(budgetBytes)}`;
}

function neverHit({ hits, misses }: PoolLife): string | undefined {
  const takes = hits + misses;
  if (takes < MANY_TAKES || hits * 100 >= takes) return undefined;
  return `${hits === 0 ? 'none' : `only ${formatCount(hits)}`} of ${formatCount(takes)} was found in the pool`;
}

function leftAfterRelease({ liveAfterReleaseBytes }: PoolLife): string | undefined {
  const left = liveAfterReleaseBytes.value ?? 0;
  return left > 0 ? `${formatBytes(left)} of released arenas are still in use` : undefined;
}

function misuse({ doubleReleases, usesAfterRelease, folded }: PoolLife): string[] {
  return [
    ...(doubleReleases > 0 ? [`released again after its release: ${times(doubleReleases)}`] : []),
    ...(usesAfterRelease > 0 ? [`used after its release: ${times(usesAfterRelease)}`] : []),
    ...(folded > 0 ? [`too many arenas to tell all apart: ${formatCount(folded)} have no name`] : []),
  ];
}

function heldOn({ lateArenas, releasedArenas, longestHeldNs }: PoolLife): PoolSentence | undefined {
  if (lateArenas === 0) return undefined;
  const longestNs = BigInt(longestHeldNs);
  const isFault = longestNs >= SURELY_LATE_NS;
  const of = `${formatCount(lateArenas)} of ${formatCount(releasedArenas)} released arenas`;
  const text = `${of} held memory on, up to ${formatDuration(longestNs)}`;
  return { text: isFault ? text : `${text}: garbage, if none was collected before`, isFault };
}

const times = (count: number): string => (count === 1 ? 'once' : `${formatCount(count)} times`);
