import { existsSync, readFileSync } from 'node:fs';
import { decide } from '../analyze/gate-decide.js';
import { baselineOf } from '../analyze/gate-series.js';
import { EXIT, MemprofError } from '../errors.js';
import type { Baseline } from '../model/gate.js';
import { updateText } from '../report/gate-update.js';
import { parseBaseline, writeBaseline } from '../schema/baseline.js';
import type { GateFlags } from '../schema/gate-flags.js';
import { createGateRunner } from './gate-runs.js';
import type { GatePlan } from './gate-session.js';
import { writeResultFile } from './result.js';

/**
 * The file of `--baseline`; undefined without.
 * @throws MemprofError BASELINE_NOT_FOUND or BAD_BASELINE (exit code 2).
 */
export function readBaseline({ baseline }: GateFlags): Baseline | undefined {
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

/**
 * Makes a baseline anew.
 * @returns what changed, for people.
 * @throws MemprofError RUNS_UNUSABLE (exit code 3) if runs lost something, or OUTPUT_UNWRITABLE.
 */
export async function update({ command, flags, tolerance, plan, runner }: GatePlan, folder: string): Promise<string> {
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
  return updateText(path, baseline, old);
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined; // a file that cannot be used is replaced: that is what --update is for
  }
}
