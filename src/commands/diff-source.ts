import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DiffRuns } from '../analyze/diff.js';
import type { SourceFacts } from '../analyze/diff-labels.js';
import { EXIT, MemprofError } from '../errors.js';
import type { Profile } from '../model/profile.js';
import { MANIFEST_FILE } from '../recording/manifest.js';
import { isDirectory, loadProfile } from './profile-source.js';

interface SourceOptions {
  readonly moment: 'end' | 'peak';
  readonly config?: string;
}

/**
 * The runs of one side: a recording, a pprof file, a folder of such, or several with commas between.
 * @throws MemprofError (exit code 2) if one of them is not there or not usable.
 */
export async function loadRuns(source: string, { moment, config }: SourceOptions): Promise<DiffRuns> {
  const profiles: Profile[] = [];
  const facts: SourceFacts[] = [];
  for (const path of runsIn(source)) {
    profiles.push(await loadProfile(path, moment, config));
    facts.push(await factsOf(path));
  }
  return { name: source, profiles, facts };
}

function runsIn(source: string): string[] {
  // A path may have a comma; of one that is not there the error names all of it.
  const isList = source.includes(',') && !existsSync(source);
  return (isList ? source.split(',') : [source]).flatMap((part) =>
    isDirectory(part) && !isRecording(part) ? inFolder(part) : [part],
  );
}

/** A recording whose description is lost is one still. */
function isRecording(directory: string): boolean {
  return readdirSync(directory).some((name) => name === MANIFEST_FILE || name.endsWith('.mpr'));
}

const PROFILE_FILE = /\.(pb|pprof|pb\.gz|pprof\.gz)$/;

function inFolder(folder: string): string[] {
  const runs = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => (entry.isDirectory() ? isRecording(join(folder, entry.name)) : PROFILE_FILE.test(entry.name)))
    .map(({ name }) => join(folder, name))
    .sort();
  if (runs.length > 0) return runs;
  throw new MemprofError(`${folder} has no run in it: no recording, and no profile (*.pb.gz)`, {
    code: 'NO_RUNS',
    exitCode: EXIT.usage,
    hint: 'Give a directory that `memprof run` wrote, a profile.pb.gz, or a folder of such.',
  });
}

/** A recording that lost its description says less. */
async function factsOf(path: string): Promise<SourceFacts> {
  if (!isDirectory(path) || !existsSync(join(path, MANIFEST_FILE))) return {};
  const { readManifest } = await import('../interpret/manifest.js');
  try {
    const { memprofVersion, host } = await readManifest(path);
    return { memprofVersion, machine: `${host.arch}, Linux ${host.kernel}` };
  } catch (error) {
    // Reading the profile has made a notice of it.
    if (error instanceof MemprofError) return {};
    throw error;
  }
}
