import type { Profile, Sample } from '../model/profile.js';
import type { Diff, DiffSide, DiffTable } from '../schema/diff.js';
import { DIFF_VERSION } from '../schema/diff-version.js';
import { diffFigures } from './diff-figures.js';
import { labelsOf, type SourceFacts } from './diff-labels.js';
import { diffLedger } from './diff-ledger.js';
import { codeNames } from './diff-names.js';
import { diffTable, type Sides, totalRow } from './diff-rows.js';
import type { GroupBy } from './group.js';
import { hasUnknownArena } from './unknown-arena.js';

/** The runs of one side. */
export interface DiffRuns {
  /** As people gave it. */
  readonly name: string;
  /** At least one. */
  readonly profiles: readonly Profile[];
  /** Of each; empty where nothing is known. */
  readonly facts?: readonly SourceFacts[];
}

export interface DiffOptions {
  readonly memprofVersion: string;
  /** Also list every group of this kind. */
  readonly by?: GroupBy;
}

/** Sites that are listed; of arenas and pools as many. */
const MAX_LISTED = 100;

/** What differs between two sets of runs: each figure is the mean of one run, and the error bar that of the difference. */
export function diff(base: DiffRuns, now: DiffRuns, { memprofVersion, by }: DiffOptions): Diff {
  const sides = sidesOf(base.profiles, now.profiles);
  const moment = now.profiles[0]?.moment ?? 'end';
  const ledger = diffLedger(base.profiles, now.profiles, moment === 'peak' ? 'peak' : 'end');
  return {
    version: DIFF_VERSION,
    memprofVersion,
    moment,
    base: sideOf(base),
    now: sideOf(now),
    labels: labelsOf(base.profiles, now.profiles, { base: base.facts ?? [], now: now.facts ?? [] }),
    total: totalRow(sides),
    figures: diffFigures(base.profiles, now.profiles),
    ...(ledger && { ledger }),
    heaps: diffTable(sides, 'heap'),
    pools: named(sides, 'pool'),
    arenas: named(sides, 'arena'),
    sites: diffTable(sides, 'site', MAX_LISTED),
    ...(by && { groups: { by, ...diffTable(sides, by) } }),
  };
}

/** Each side at least one profile. */
export function sidesOf(base: readonly Profile[], now: readonly Profile[]): Sides {
  return { base, now, codeName: codeNames([...base, ...now]) };
}

/** Of memory that the program or a rule names: the regions of the allocator and of V8's heap say nothing of the program. */
function named(sides: Sides, by: 'pool' | 'arena'): DiffTable {
  const isNamed = ({ labels }: Sample): boolean =>
    by === 'pool'
      ? labels.pool !== undefined
      : labels.arena !== undefined && labels.arena_source !== 'v8' && !hasUnknownArena(labels);
  const only = (profile: Profile): Profile => ({ ...profile, samples: profile.samples.filter(isNamed) });
  return diffTable({ ...sides, base: sides.base.map(only), now: sides.now.map(only) }, by, MAX_LISTED);
}

function sideOf({ name, profiles }: DiffRuns): DiffSide {
  const processes = profiles.flatMap((profile) => profile.processes);
  const distinct = (texts: readonly string[]): string[] => [...new Set(texts.filter((text) => text !== ''))].sort();
  return {
    name,
    runs: profiles.length,
    programs: distinct(processes.map((process) => process.name)),
    nodeVersions: distinct(processes.map(({ nodeVersion = '' }) => nodeVersion)),
    observations: profiles.reduce(
      (sum, { samples }) => sum + samples.reduce((all, { observations }) => all + observations, 0),
      0,
    ),
  };
}
