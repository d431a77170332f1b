import { isatty } from 'node:tty';
import { EXIT, MemprofError } from '../errors.js';
import type { Baseline } from '../model/gate.js';
import { GATE_FORMATS, type GateFormat } from '../report/gate-formats.js';
import { GATE_DEFAULTS, type GateFlags, parseGateFlags } from '../schema/gate-flags.js';
import { coloursFor } from '../ui/colour.js';
import { showLiveLine } from '../ui/live-line.js';
import { paintFor } from '../ui/paint.js';
import { openTerminal } from '../ui/terminal.js';
import { readBaseline, update } from './gate-baseline.js';
import { writeGateFiles } from './gate-files.js';
import { commandOf } from './gate-run.js';
import { type GateRunnerOptions, makeGateFolder } from './gate-runs.js';
import { type GatePlan, runGate } from './gate-session.js';
import { writeResult } from './result.js';
import { loadRules, recogniserOf } from './rules-source.js';

const EXIT_OF = { pass: EXIT.ok, regression: EXIT.regression, inconclusive: EXIT.inconclusive } as const;

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
    const result = await runGate(plan, baseline, folder.path);
    line?.stop();
    await writeResult(GATE_FORMATS[flags.format as GateFormat](result.report, paintFor(coloursFor(isatty(1)))));
    await writeGateFiles(result, flags);
    process.exitCode = EXIT_OF[result.report.verdict];
  } finally {
    line?.stop();
    folder.remove();
  }
}

function usualRuns({ update, against }: GateFlags): number {
  if (update) return GATE_DEFAULTS.baselineRuns;
  return against === undefined ? GATE_DEFAULTS.runs : GATE_DEFAULTS.runsInTurns;
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
