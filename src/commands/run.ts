import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { startDrain } from '../capture/drain.js';
import { fitsPreload, targetEnvironment } from '../capture/environment.js';
import { inheritedFiles, launch, type ProgramEnd } from '../capture/launch.js';
import { makeDefaultOutput, prepareOutput } from '../capture/output-directory.js';
import { preflight } from '../capture/preflight.js';
import { isAlive } from '../capture/proc.js';
import { resolveCommand } from '../capture/resolve-command.js';
import { makeRunDirectory, type RunDirectory, sweepStaleRunDirectories } from '../capture/run-directory.js';
import { forwardSignals } from '../capture/signals.js';
import { MemprofError } from '../errors.js';
import type { ManifestNotice } from '../recording/manifest.js';
import type { RunFlags } from '../schema/defaults.js';
import { startManifest } from './run-manifest.js';
import { openVoice, preloadStages, reportRun } from './run-report.js';

/**
 * `memprof run`: starts the program, records it, and reports.
 * @returns how the program ended; that is how memprof ends.
 * @throws MemprofError with the exit codes of env(1) if the program could not be started.
 */
export async function run(command: string, args: readonly string[], flags: RunFlags): Promise<ProgramEnd> {
  const extraFiles = inheritedFiles();
  const resolved = resolveCommand(command, process.env.PATH);
  const { library, agent, notices: missing } = preflight(resolved, flags);
  const notices: ManifestNotice[] = [...missing];
  const settings = {
    native: flags.native && library !== undefined,
    v8: flags.v8 && agent !== undefined,
    sampleBytes: flags.sampleBytes,
    v8IntervalBytes: flags.v8IntervalBytes,
    maxSamplesPerSecond: flags.maxSamplesPerSecond,
  };
  const asked = flags.output === undefined ? undefined : prepareOutput(flags.output, flags.force);
  if (asked?.notice) notices.push(asked.notice);
  const runDirectory = tryRunDirectory(() => makeRunDirectory(settings), notices);
  const environment =
    runDirectory === undefined
      ? process.env
      : targetEnvironment(process.env, {
          runDirectory: runDirectory.path,
          ...(library !== undefined && { library: preloadable(library, runDirectory.path) }),
          ...(agent !== undefined && { agent }),
        });
  const program = await launch(command, args, environment, extraFiles).catch((error: unknown) => {
    runDirectory?.remove();
    throw error;
  });
  const restoreSignals = forwardSignals(program.process);
  if (runDirectory === undefined) {
    const voice = await openVoice(flags, notices);
    const end = await program.ended;
    voice.stop();
    restoreSignals();
    return end;
  }

  const output = asked ?? makeDefaultOutput(resolved.name, program.pid);
  if (asked === undefined && output.notice) notices.push(output.notice);
  const manifest = startManifest(output.path, { name: resolved.name, pid: program.pid }, settings, runDirectory.path);
  const drain = startDrain({
    runDirectory: runDirectory.path,
    outputDirectory: output.path,
    mainPid: program.pid,
    mainName: resolved.name,
    snapshotEveryMs: flags.snapshotEverySeconds * 1000,
    requestV8Profile: runDirectory.requestV8Profile,
    onNotice: (notice) => notices.push(notice),
  });
  process.on('SIGUSR2', drain.snapshotOnDemand);
  const voice = await openVoice(flags, notices, drain.status);
  const stages = preloadStages();
  sweepStaleRunDirectories(isAlive);
  const end = await program.ended;
  await drain.finish(end);
  process.off('SIGUSR2', drain.snapshotOnDemand);
  notices.push(...refusalNotices(runDirectory));
  manifest.finish({ end, files: drain.files(), emptyProcesses: drain.emptyProcesses(), notices });
  voice.stop();
  runDirectory.remove();
  // From here on Ctrl-C ends memprof: the recording is complete, and reports are written whole or not at all.
  restoreSignals();
  await reportRun(output.path, drain.files(), flags, notices, stages);
  return end;
}

function tryRunDirectory(make: () => RunDirectory, notices: ManifestNotice[]): RunDirectory | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof MemprofError)) throw error;
    notices.push({ code: error.code, message: `running without profiling: ${error.message}` });
    return undefined;
  }
}

/** A library that LD_PRELOAD cannot name is given a name that it can. */
function preloadable(library: string, runDirectory: string): string {
  if (fitsPreload(library)) return library;
  const link = join(runDirectory, 'libmemprof.so');
  symlinkSync(library, link);
  return link;
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
