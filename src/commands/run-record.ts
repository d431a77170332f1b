import { startDrain } from '../capture/drain.js';
import type { LaunchedProgram } from '../capture/launch.js';
import { makeDefaultOutput } from '../capture/output-directory.js';
import { isAlive } from '../capture/proc.js';
import { type RunDirectory, sweepStaleRunDirectories } from '../capture/run-directory.js';
import type { ManifestNotice } from '../recording/manifest.js';
import type { RunFlags } from '../schema/defaults.js';
import { startManifest } from './run-manifest.js';
import type { RunPlan } from './run-plan.js';
import { preloadStages, reportRun } from './run-report.js';
import { openVoice } from './run-voice.js';

/** Records until the program has ended. @returns what makes the reports. */
export async function record(
  program: LaunchedProgram,
  { name, settings, notices, ...plan }: RunPlan,
  runDirectory: RunDirectory,
  flags: RunFlags,
): Promise<() => Promise<void>> {
  const output = plan.output ?? makeDefaultOutput(name, program.pid);
  if (plan.output === undefined && output.notice) notices.push(output.notice);
  const manifest = startManifest(output.path, { name, pid: program.pid }, settings, runDirectory.path);
  const drain = startDrain({
    runDirectory: runDirectory.path,
    outputDirectory: output.path,
    mainPid: program.pid,
    mainName: name,
    snapshotEveryMs: flags.snapshotEverySeconds * 1000,
    requestV8Profile: runDirectory.requestV8Profile,
    onNotice: (notice) => notices.push(notice),
  });
  process.on('SIGUSR2', drain.snapshotOnDemand);
  const voice = openVoice(flags, notices, drain.status);
  const stages = flags.reports ? preloadStages() : undefined;
  sweepStaleRunDirectories(isAlive);

  const end = await program.ended;
  await drain.finish(end);
  process.off('SIGUSR2', drain.snapshotOnDemand);
  notices.push(...refusalNotices(runDirectory));
  const written = manifest.finish({ end, files: drain.files(), emptyProcesses: drain.emptyProcesses(), notices });
  voice.stop();
  return stages === undefined ? async () => undefined : () => reportRun(output.path, written, flags, stages);
}

const REFUSAL_TEXT: Readonly<Record<string, string>> = {
  store_create: 'could not write to the run directory (another user?)',
  file_size: 'had no room under `ulimit -f`',
  no_space: 'found no space on tmpfs; free some in /dev/shm',
  libc: 'run with a C library that the sampler does not know',
  memory: 'got no memory for the sampler (`ulimit -v`?)',
};

function refusalNotices(runDirectory: RunDirectory): ManifestNotice[] {
  return Object.entries(runDirectory.refusals()).map(([name, count]) => ({
    code: `SAMPLER_REFUSED_${name.toUpperCase()}`,
    message: `no native samples of ${count} process(es): they ${REFUSAL_TEXT[name] ?? name}`,
  }));
}
