import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fitsPreload, targetEnvironment } from '../capture/environment.js';
import { type OutputDirectory, prepareOutput } from '../capture/output-directory.js';
import { preflight } from '../capture/preflight.js';
import { resolveCommand } from '../capture/resolve-command.js';
import { makeRunDirectory, type RunDirectory, type SamplingSettings } from '../capture/run-directory.js';
import type { ManifestNotice } from '../recording/manifest.js';
import type { RunFlags } from '../schema/defaults.js';

/** What is settled before the program starts. */
export interface RunPlan {
  /** Short name of the program. */
  readonly name: string;
  readonly settings: SamplingSettings;
  readonly environment: NodeJS.ProcessEnv;
  /** Absent if the program runs without profiling; a notice says why. */
  readonly runDirectory?: RunDirectory;
  /** The folder that `-o` names, or the one instead of it; absent without `-o`. */
  readonly output?: OutputDirectory;
  /** Grows while the program runs. */
  readonly notices: ManifestNotice[];
}

/**
 * Looks at the command and makes the folders. Only a command that cannot be run stops it.
 * @throws MemprofError COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE.
 */
export function planRun(command: string, args: readonly string[], flags: RunFlags): RunPlan {
  const resolved = resolveCommand(command, process.env.PATH);
  const {
    library,
    agent,
    notices: missing,
  } = preflight(resolved, {
    native: flags.native,
    v8: flags.v8,
    args,
    nodeOptions: process.env.NODE_OPTIONS,
  });
  const notices = [...missing];
  const settings = {
    native: flags.native && library !== undefined,
    v8: flags.v8 && agent !== undefined,
    sampleBytes: flags.sampleBytes,
    v8IntervalBytes: flags.v8IntervalBytes,
    exact: flags.exact,
    asyncLabels: flags.asyncLabels,
    maxSamplesPerSecond: flags.maxSamplesPerSecond,
  };
  const plain = { name: resolved.name, settings, environment: process.env, notices };
  try {
    const output = flags.output === undefined ? undefined : prepareOutput(flags.output, flags.force);
    if (output?.notice) notices.push(output.notice);
    const runDirectory = makeRunDirectory(settings);
    const environment = targetEnvironment(process.env, {
      runDirectory: runDirectory.path,
      ...(library !== undefined && { library: preloadable(library, runDirectory.path) }),
      ...(agent !== undefined && { agent }),
    });
    return { ...plain, environment, runDirectory, ...(output && { output }) };
  } catch (error) {
    notices.push(withoutProfiling(error));
    return plain;
  }
}

/** The notice for a run of which nothing will be recorded. */
export function withoutProfiling(error: unknown): ManifestNotice {
  return { code: 'NOT_PROFILED', message: `running without profiling: ${(error as Error).message}` };
}

/** A library that LD_PRELOAD cannot name is given a name that it can. */
function preloadable(library: string, runDirectory: string): string {
  if (fitsPreload(library)) return library;
  const link = join(runDirectory, 'libmemprof.so');
  symlinkSync(library, link);
  return link;
}
