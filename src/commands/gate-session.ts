import { type Decision, decide } from '../analyze/gate-decide.js';
import { compareEnvironments } from '../analyze/gate-environment.js';
import { baselineOf, meanSites, measureKey, seriesOf } from '../analyze/gate-series.js';
import { sitesThatGrew } from '../analyze/gate-sites.js';
import type { Baseline, GateReport, Tolerance } from '../model/gate.js';
import type { Profile } from '../model/profile.js';
import type { GateSettings } from '../schema/gate-config.js';
import type { GateFlags } from '../schema/gate-flags.js';
import { rejectAbsentBudgets } from './gate-budgets.js';
import { commandOf, type GateCommand } from './gate-run.js';
import { createGateRunner, type GateRunnerOptions } from './gate-runs.js';

/** Everything that is settled before the first run. */
export interface GatePlan {
  readonly command: GateCommand;
  readonly flags: GateFlags;
  readonly settings: GateSettings;
  /** File with the budgets, for messages. */
  readonly configPath?: string;
  readonly tolerance: Tolerance;
  readonly plan: { readonly first: number; readonly most: number };
  readonly runner: GateRunnerOptions;
}

/** What a gate found, and the last run of each side, for pictures. */
export interface GateResult {
  readonly report: GateReport;
  readonly base?: Profile | undefined;
  readonly now?: Profile | undefined;
}

/** Runs the command, in turns with the other if there is one, until a decision is reached. */
export async function runGate(plan: GatePlan, baseline: Baseline | undefined, folder: string): Promise<GateResult> {
  const { command, flags, settings, tolerance } = plan;
  const began = performance.now();
  const now = createGateRunner(command, 'now', folder, plan.runner);
  const other =
    flags.against === undefined ? undefined : createGateRunner(commandOf(flags.against), 'base', folder, plan.runner);
  let decision: Decision = { verdict: 'more', reasons: [], comparisons: [], budgets: [] };
  let runs = await now.finished();
  let base = baseline;
  for (let n = 1; decision.verdict === 'more'; n++) {
    // Which of the two begins changes: a machine that warms up favours neither.
    if (n % 2 === 1) await other?.start();
    await now.start();
    if (n % 2 === 0) await other?.start();
    // No decision is possible yet: the next run need not wait for this one to be read.
    if (n < Math.min(3, plan.plan.first)) continue;
    runs = await now.finished();
    if (other !== undefined) {
      base = baselineOf(await other.finished(), commandOf(flags.against ?? '').argv, other.environment(), -1);
    }
    decision = decide({
      runs,
      budgets: settings.budgets,
      tolerance,
      plan: plan.plan,
      ...(base && { base: { series: new Map(base.series.map((one) => [measureKey(one), one])), runs: base.runs } }),
    });
  }
  rejectAbsentBudgets(decision.budgets, seriesOf(runs), plan.configPath);
  const differences =
    baseline === undefined
      ? { labels: [], obstacles: [] }
      : compareEnvironments(baseline.environment, now.environment());
  const isComparable = differences.obstacles.length === 0;
  const isCommandOther = baseline !== undefined && baseline.command.join('\0') !== command.argv.join('\0');
  const grown = decision.comparisons.filter(({ verdict }) => verdict === 'grown');
  const report: GateReport = {
    verdict: isComparable ? decision.verdict : 'inconclusive',
    reasons: [...differences.obstacles, ...decision.reasons],
    command: command.argv,
    base: {
      kind: flags.against !== undefined ? 'command' : baseline !== undefined ? 'baseline' : 'none',
      name: flags.against ?? flags.baseline ?? '',
      runs: base?.runs ?? 0,
    },
    runs: runs.length,
    labels: [...(isCommandOther ? [`command: the base had ${baseline.command.join(' ')}`] : []), ...differences.labels],
    comparisons: decision.comparisons,
    budgets: decision.budgets,
    sites: base === undefined || grown.length === 0 ? [] : sitesThatGrew(base.sites, meanSites(runs), grown),
    durationMs: Math.round(performance.now() - began),
  };
  return { report, base: other?.lastProfile(), now: now.lastProfile() };
}
