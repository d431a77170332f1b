import { existsSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type Decision, decide } from '../analyze/gate-decide.js';
import { compareEnvironments } from '../analyze/gate-environment.js';
import { baselineOf, meanSites, measureKey, seriesOf } from '../analyze/gate-series.js';
import { sitesThatGrew } from '../analyze/gate-sites.js';
import { EXIT, MemprofError } from '../errors.js';
import type { Baseline, GateReport, Tolerance } from '../model/gate.js';
import { GATE_FORMATS, type GateFormat } from '../report/gate-formats.js';
import { parseBaseline, writeBaseline } from '../schema/baseline.js';
import type { GateSettings } from '../schema/gate-config.js';
import { GATE_DEFAULTS, type GateFlags, parseGateFlags } from '../schema/gate-flags.js';
import { coloursFor } from '../ui/colour.js';
import { showLiveLine } from '../ui/live-line.js';
import { paintFor } from '../ui/paint.js';
import { openTerminal } from '../ui/terminal.js';
import { rejectAbsentBudgets } from './gate-budgets.js';
import { writeGateFiles } from './gate-files.js';
import { commandOf, type GateCommand } from './gate-run.js';
import { createGateRunner, type GateRunnerOptions, makeGateFolder } from './gate-runs.js';
import { writeResult, writeResultFile } from './result.js';
import { loadRules, recogniserOf } from './rules-source.js';

const EXIT_OF = { pass: EXIT.ok, regression: EXIT.regression, inconclusive: EXIT.inconclusive } as const;

/** Everything that is settled before the first run. */
interface GatePlan {
  readonly command: GateCommand;
  readonly flags: GateFlags;
  readonly settings: GateSettings;
  /** File with the budgets, for messages. */
  readonly configPath?: string;
  readonly tolerance: Tolerance;
  readonly plan: { readonly first: number; readonly most: number };
  readonly runner: GateRunnerOptions;
}

/**
 * `memprof gate`: runs a command several times and fails if it needs more memory than its base, or than a budget allows.
 * @throws MemprofError (exit code 2) for flags, files and commands that are not usable.
 */
export async function gate(argv: readonly string[], raw: Record<string, unknown>): Promise<void> {
  const flags = parseGateFlags(raw, Object.keys(GATE_FORMATS));
  const { rules, gate: settings, configPath } = await loadRules(flags.budget);
  const baseline = flags.update ? undefined : readBaseline(flags);
  if (!flags.update && baseline === undefined && flags.against === undefined && settings.budgets.length === 0) {
    throw nothingToHold();
  }
  const terminal = openTerminal();
  let doing = '';
  const line = terminal.isInteractive ? showLiveLine(terminal, () => doing) : undefined;
  const folder = makeGateFolder();
  try {
    const first = flags.runs ?? settings.runs ?? usualRuns(flags);
    const plan: GatePlan = {
      command: argv.length === 1 ? commandOf(argv[0] ?? '') : { shown: argv.join(' '), argv },
      flags,
      settings,
      ...(configPath !== undefined && { configPath }),
      tolerance: { ...GATE_DEFAULTS.tolerance, ...settings.tolerance },
      plan: { first, most: Math.max(first, flags.maxRuns ?? settings.maxRuns ?? flags.runs ?? GATE_DEFAULTS.maxRuns) },
      runner: {
        sampling: samplingOf(flags, baseline),
        timeoutSeconds: flags.timeoutSeconds,
        recogniser: recogniserOf(rules),
        onRun: (name) => {
          doing = `memprof gate: ${name} of at most ${plan.plan.most}`;
        },
      },
    };
    if (flags.update) {
      const text = await update(plan, folder.path);
      line?.stop();
      await writeResult(text);
      return;
    }
    const report = await runGate(plan, baseline, folder.path);
    line?.stop();
    await writeResult(GATE_FORMATS[flags.format as GateFormat](report, paintFor(coloursFor(isatty(1)))));
    await writeGateFiles(report, flags);
    process.exitCode = EXIT_OF[report.verdict];
  } finally {
    line?.stop();
    folder.remove();
  }
}

async function runGate(plan: GatePlan, baseline: Baseline | undefined, folder: string): Promise<GateReport> {
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
  return {
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
}

/** Makes a baseline anew. @returns what changed, for people. */
async function update({ command, flags, tolerance, plan, runner }: GatePlan, folder: string): Promise<string> {
  const path = flags.baseline ?? '';
  const old = existsSync(path) ? quietly(() => parseBaseline(readFileSync(path, 'utf8'), path)) : undefined;
  const now = createGateRunner(command, 'now', folder, runner);
  for (let n = 0; n < plan.first; n++) await now.start();
  const runs = await now.finished();
  const decision = decide({ runs, budgets: [], tolerance, plan: { first: plan.first, most: plan.first } });
  if (decision.verdict !== 'pass') {
    throw new MemprofError(`no baseline was written: ${decision.reasons.join('; ')}`, {
      code: 'RUNS_UNUSABLE',
      exitCode: EXIT.inconclusive,
      hint: 'A baseline needs runs with nothing lost and some samples; --sample-bytes 1k takes more.',
    });
  }
  const baseline = baselineOf(runs, command.argv, now.environment(), tolerance.bytes / 4);
  writeResultFile(path, writeBaseline(baseline));
  const { updateText } = await import('../report/gate-update.js');
  return updateText(path, baseline, old);
}

function usualRuns({ update, against }: GateFlags): number {
  if (update) return GATE_DEFAULTS.baselineRuns;
  return against === undefined ? GATE_DEFAULTS.runs : GATE_DEFAULTS.runsInTurns;
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined; // a file that cannot be used is replaced: that is what --update is for
  }
}

function readBaseline({ baseline }: GateFlags): Baseline | undefined {
  if (baseline === undefined) return undefined;
  try {
    return parseBaseline(readFileSync(baseline, 'utf8'), baseline);
  } catch (cause) {
    if (cause instanceof MemprofError) throw cause;
    throw new MemprofError(`cannot read the baseline ${baseline}: ${(cause as Error).message}`, {
      code: 'BASELINE_NOT_FOUND',
      exitCode: EXIT.usage,
      hint: `Make it on the code that is right: memprof gate --update --baseline ${baseline} -- COMMAND.`,
      cause,
    });
  }
}

/** Runs sample as their base did: only then are small things equally likely to be seen. */
function samplingOf(flags: GateFlags, baseline: Baseline | undefined): GateRunnerOptions['sampling'] {
  const { maxSamplesPerSecond } = GATE_DEFAULTS;
  if (baseline === undefined) {
    const sampleBytes = flags.sampleBytes ?? GATE_DEFAULTS.sampleBytes;
    return { sampleBytes, v8IntervalBytes: GATE_DEFAULTS.v8IntervalBytes, maxSamplesPerSecond };
  }
  const { sampleBytes, v8IntervalBytes } = baseline.environment;
  if (flags.sampleBytes !== undefined && flags.sampleBytes !== sampleBytes) {
    throw new MemprofError(`--sample-bytes ${flags.sampleBytes}: the baseline was made with ${sampleBytes}`, {
      code: 'BAD_FLAG',
      exitCode: EXIT.usage,
      hint: 'Leave the flag out, or make the baseline anew with it: --update.',
    });
  }
  return { sampleBytes, v8IntervalBytes, maxSamplesPerSecond };
}

function nothingToHold(): MemprofError {
  return new MemprofError('there is nothing to hold the command to', {
    code: 'NOTHING_TO_GATE',
    exitCode: EXIT.usage,
    hint: 'Give --baseline FILE or --against COMMAND, or budgets under "gate" in memprof.config.json.',
  });
}
