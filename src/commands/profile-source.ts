import { readFileSync, statSync } from 'node:fs';
import { EXIT, MemprofError } from '../errors.js';
import type { Profile } from '../model/profile.js';

/**
 * The profile of a recording directory, or of a pprof file, which has its arenas already.
 * @throws MemprofError SOURCE_NOT_FOUND if it is not there or not ours to read, or what the reader and `loadRules` throw; exit code 2.
 */
export async function loadProfile(source: string, moment: 'end' | 'peak', config?: string): Promise<Profile> {
  if (isDirectory(source)) {
    const { buildProfile } = await import('../interpret/index.js');
    const { loadRecogniser } = await import('./rules-source.js');
    return buildProfile(source, { moment, recogniser: await loadRecogniser(config) });
  }
  if (moment === 'peak') {
    throw new MemprofError(`${source} is a pprof file: it shows one moment only`, {
      code: 'NO_SUCH_MOMENT',
      exitCode: EXIT.usage,
      hint: 'Give the recording directory to see the peak.',
    });
  }
  const { readPprof } = await import('../report/pprof-read.js');
  return readPprof(readSource(source), source);
}

/** @throws MemprofError SOURCE_NOT_FOUND (exit code 2). */
export function isDirectory(source: string): boolean {
  try {
    return statSync(source).isDirectory();
  } catch (cause) {
    throw unreadable(source, cause);
  }
}

function readSource(source: string): Buffer {
  try {
    return readFileSync(source);
  } catch (cause) {
    throw unreadable(source, cause);
  }
}

function unreadable(source: string, cause: unknown): MemprofError {
  return new MemprofError(`cannot read ${source}: ${(cause as Error).message}`, {
    code: 'SOURCE_NOT_FOUND',
    exitCode: EXIT.usage,
    hint: 'Give a directory that `memprof run` wrote, or a profile.pb.gz.',
    cause,
  });
}
