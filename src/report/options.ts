import type { Ledger } from '../model/ledger.js';
import type { Sample } from '../model/profile.js';
import type { Summary } from '../schema/summary.js';

/** Colours of a terminal, injected: the reports know roles, not escape codes. */
export interface Paint {
  readonly heading: (text: string) => string;
  readonly measured: (text: string) => string;
  readonly estimated: (text: string) => string;
  readonly unknown: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly warning: (text: string) => string;
}

const same = (text: string): string => text;
export const PLAIN: Paint = {
  heading: same,
  measured: same,
  estimated: same,
  unknown: same,
  dim: same,
  warning: same,
};

/** A ledger that was read while the program ran. `timeNs` is since the Unix epoch. */
export interface TimedLedger {
  readonly timeNs: bigint;
  readonly ledger: Ledger;
}

/** What the formats need that show call paths only. */
export interface PathOptions {
  readonly summary: Pick<Summary, 'memprofVersion' | 'groups'>;
  /** For `pprof`: samples of the base of a difference, which are labelled as pprof's own -diff_base labels them. */
  readonly baseSamples?: ReadonlySet<Sample>;
}

export interface ReportOptions extends PathOptions {
  /** What `summarize` of analyze/ found in the same profile. */
  readonly summary: Summary;
  /** For `text`; without colour unless given. */
  readonly paint?: Paint;
  /** For `html`: of all processes. */
  readonly ledgers?: readonly TimedLedger[];
  /** For `html`: the reading that is shown first; that with the highest RSS unless told. */
  readonly at?: 'peak' | 'end' | { readonly afterStartNs: bigint } | { readonly share: number };
}
