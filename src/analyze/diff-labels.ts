import type { ProcessInfo, Profile } from '../model/profile.js';
import { formatBytes } from '../model/units.js';
import type { Diff } from '../schema/diff.js';

/** What a profile does not hold: from the recording's own description. */
export interface SourceFacts {
  readonly memprofVersion?: string;
  /** Architecture and kernel. */
  readonly machine?: string;
}

type Label = Diff['labels'][number];

/** In what two sides were made differently, other than by the program. Differences of that kind are not the program's. */
export function labelsOf(
  base: readonly Profile[],
  now: readonly Profile[],
  facts: { readonly base: readonly SourceFacts[]; readonly now: readonly SourceFacts[] },
): Label[] {
  const of = (profiles: readonly Profile[], text: (process: ProcessInfo) => string): string =>
    listed(profiles.flatMap(({ processes }) => processes.map(text)));
  const compare = (code: string, what: string, a: string, b: string): Label[] =>
    a === b ? [] : [{ code, message: `${what}: ${a || 'not known'} in the base, ${b || 'not known'} now` }];
  const processes = (code: string, what: string, text: (process: ProcessInfo) => string): Label[] =>
    compare(code, what, of(base, text), of(now, text));
  const from = (code: string, what: string, text: (facts: SourceFacts) => string): Label[] =>
    compare(code, what, listed(facts.base.map(text)), listed(facts.now.map(text)));
  return [
    ...processes('OTHER_NODE', 'Node', ({ nodeVersion = '' }) => nodeVersion),
    ...processes('OTHER_ALLOCATOR', 'allocator', ({ allocator }) => allocator),
    ...processes('OTHER_LIBC', 'C library', ({ libc }) => libc),
    ...from('OTHER_MACHINE', 'machine', ({ machine = '' }) => machine),
    ...from('OTHER_MEMPROF', 'memprof', ({ memprofVersion = '' }) => memprofVersion),
    ...compare('OTHER_SAMPLING', 'mean gap between samples', ...both(base, now, nativeMean)),
    ...compare('OTHER_V8_SAMPLING', 'mean gap between V8 samples', ...both(base, now, v8Interval)),
    ...compare('OTHER_MOMENT', 'moment', ...both(base, now, ({ moment }) => [moment])),
    ...compare('OTHER_COLUMNS', 'columns that are not known', ...both(base, now, unknownColumns)),
    ...losses('base', base),
    ...losses('now', now),
  ];
}

function both(
  base: readonly Profile[],
  now: readonly Profile[],
  texts: (profile: Profile) => readonly string[],
): [string, string] {
  return [listed(base.flatMap(texts)), listed(now.flatMap(texts))];
}

const listed = (texts: readonly string[]): string =>
  [...new Set(texts.filter((text) => text !== ''))].sort().join(', ');
const size = (bytes: number): string => (bytes > 0 ? formatBytes(bytes) : 'none');

/** As it was set: how far the cap raised it depends on the program. A profile of another tool has one mean for all. */
function nativeMean({ processes, periodBytes }: Profile): string[] {
  return processes.length === 0 ? [size(periodBytes)] : processes.map(({ nativeMeanBytes }) => size(nativeMeanBytes));
}

const v8Interval = ({ processes }: Profile): string[] => processes.map(({ v8IntervalBytes }) => size(v8IntervalBytes));

const unknownColumns = ({ unknown }: Profile): string[] =>
  unknown.map(({ heap, types }) => `${heap} ${types.join('+')}`);

/** Counters of events that are in no figure. */
const LOSSES = ['dropped_live', 'dropped_sites', 'dropped_mappings', 'dropped_growth', 'lost_events'];

function losses(side: string, profiles: readonly Profile[]): Label[] {
  const counts = new Map<string, number>();
  for (const { processes } of profiles) {
    for (const { counters } of processes) {
      for (const name of LOSSES) counts.set(name, (counts.get(name) ?? 0) + (counters[name] ?? 0));
    }
  }
  const found = [...counts].filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`);
  return found.length === 0 ? [] : [{ code: 'LOST', message: `${side} lost events: ${found.join(', ')}` }];
}
