import { inheritedFiles, type LaunchedProgram, launch, type ProgramEnd } from '../capture/launch.js';
import { forwardSignals } from '../capture/signals.js';
import { leaveStandardStreamsAlone } from '../capture/standard-streams.js';
import { EXIT } from '../errors.js';
import type { RunFlags } from '../schema/defaults.js';
import { planRun, type RunPlan, withoutProfiling } from './run-plan.js';

/**
 * `memprof run`: starts the program, records it, and reports. The program starts first; what records it is loaded while
 * it runs. From its start on, nothing that goes wrong here changes how it ends.
 * @returns how the program ended; that is how memprof ends.
 * @throws MemprofError with the exit codes of env(1) if the program could not be started.
 */
export async function run(command: string, args: readonly string[], flags: RunFlags): Promise<ProgramEnd> {
  const extraFiles = inheritedFiles();
  leaveStandardStreamsAlone();
  if (flags.config !== undefined) {
    const { loadRules } = await import('./rules-source.js');
    await loadRules(flags.config, process.cwd(), EXIT.failed);
  }
  const plan = planRun(command, args, flags);
  const signals = forwardSignals();
  try {
    const program = await launch(command, args, plan.environment, extraFiles, signals.to);
    // It asks for a snapshot, and must not kill memprof before that is loaded or after it is done.
    process.on('SIGUSR2', () => undefined);
    const report = await recordOrWatch(program, plan, flags);
    // From here on Ctrl-C ends memprof: the recording is complete, and reports are written whole or not at all.
    signals.restore();
    plan.runDirectory?.remove();
    await report();
    return await program.ended;
  } catch (error) {
    signals.restore();
    plan.runDirectory?.remove();
    throw error;
  }
}

const nothingToReport = async (): Promise<void> => undefined;

async function recordOrWatch(program: LaunchedProgram, plan: RunPlan, flags: RunFlags): Promise<() => Promise<void>> {
  try {
    if (plan.runDirectory !== undefined) {
      const { record } = await import('./run-record.js');
      return await record(program, plan, plan.runDirectory, flags);
    }
  } catch (error) {
    plan.notices.push(withoutProfiling(error));
  }
  const { openVoice } = await import('./run-voice.js');
  const voice = openVoice(flags, plan.notices);
  await program.ended;
  voice.stop();
  return nothingToReport;
}
