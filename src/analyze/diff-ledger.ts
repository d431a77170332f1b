import type { Profile } from '../model/profile.js';
import type { Diff } from '../schema/diff.js';
import type { LedgerMomentSummary } from '../schema/summary-ledger.js';
import { changeOfReadings, type Reading } from './diff-change.js';
import { ledgersOf } from './ledger-summary.js';

type DiffLedger = NonNullable<Diff['ledger']>;

/**
 * The lines of the ledger of both sides, at the end or the peak, sums over the processes; undefined where a side has none. A run
 * whose end could not be read does not count. Of several processes pages that they share count in each, as in their RSS.
 */
export function diffLedger(
  base: readonly Profile[],
  now: readonly Profile[],
  moment: 'end' | 'peak',
): DiffLedger | undefined {
  const readings = (profiles: readonly Profile[]): Map<string, Reading>[] =>
    profiles.map((profile) => linesOf(profile, moment)).filter((lines) => lines.size > 0);
  const [before, after] = [readings(base), readings(now)];
  if (before.length === 0 || after.length === 0) return undefined;
  const names = new Set([...before, ...after].flatMap((lines) => [...lines.keys()]));
  const nothing: Reading = { value: 0, error: 0, isMeasured: true };
  const rows = [...names].map((name) => {
    const of = (lines: ReadonlyMap<string, Reading>): Reading => lines.get(name) ?? nothing;
    return { name, ...changeOfReadings(before.map(of), after.map(of)) };
  });
  const size = ({ difference }: DiffLedger['rows'][number]): number => Math.abs(difference.value ?? 0);
  const runs = { baseRuns: before.length, nowRuns: after.length };
  return { moment, ...runs, rows: rows.sort((a, b) => size(b) - size(a) || (a.name < b.name ? -1 : 1)) };
}

/** `malloc`, and `malloc: live` where a line has parts; `RSS` is their sum. */
function linesOf(profile: Profile, moment: 'end' | 'peak'): Map<string, Reading> {
  const sums = new Map<string, Reading>();
  const add = (name: string, { bytes, certainty, errorBytes }: Omit<Line, 'parts' | 'name'>): void => {
    const before = sums.get(name) ?? { value: 0, error: 0, isMeasured: true };
    sums.set(name, {
      value: before.value + bytes,
      error: before.error + errorBytes,
      isMeasured: before.isMeasured && certainty !== 'estimated',
    });
  };
  for (const ledger of ledgersOf(profile).ledger) {
    const found = ledger[moment];
    if (found === undefined) continue;
    add('RSS', { bytes: found.rssBytes, certainty: 'measured', errorBytes: 0 });
    for (const line of found.lines) {
      add(line.name, line);
      for (const part of line.parts ?? []) add(`${line.name}: ${part.name}`, part);
    }
  }
  return sums;
}

type Line = LedgerMomentSummary['lines'][number];
