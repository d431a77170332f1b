import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { ManifestNotice } from '../recording/manifest.js';
import { MANIFEST_FILE } from '../recording/manifest.js';

export interface OutputDirectory {
  readonly path: string;
  /** Why it is not the one that was asked for. */
  readonly notice?: ManifestNotice;
}

const NAME_ATTEMPTS = 100;
/** What `--force` may delete: files that memprof makes, and nothing else. */
const OURS = /^(\d+\.\d+(-\d+)?\.mpr|recording\.json(\.tmp)?|profile\.pb\.gz|profile\.speedscope\.json|summary\.json)$/;

/**
 * Makes the folder that `-o` names (0700). The program must run in any case: where the folder cannot be had, or already
 * holds something and `force` is not set, the recording goes to a new one under the folder for temporary files, and a
 * notice says so.
 * @throws the error of mkdir(2) if that fails too.
 */
export function prepareOutput(wanted: string, force: boolean): OutputDirectory {
  const path = resolve(wanted);
  try {
    makeFolders(path);
    accessSync(path, constants.W_OK | constants.X_OK);
    const entries = readdirSync(path);
    if (entries.length === 0) return { path };
    if (force) {
      for (const entry of entries) if (OURS.test(entry)) rmSync(join(path, entry));
      return { path };
    }
    const what = entries.includes(MANIFEST_FILE) ? 'already holds a recording' : 'is not empty';
    return fallback(path, `${wanted} ${what} (--force replaces it)`);
  } catch (cause) {
    return fallback(path, `${wanted} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`);
  }
}

/** Not mkdir's own `recursive`: under /proc, where nothing can be made, Node's turns for ever. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/**
 * Makes `memprof-<name>-<pid>` in the current folder, with a number at the end if a recording of that name exists.
 * @throws the error of mkdir(2) if neither this nor the folder for temporary files works.
 */
export function makeDefaultOutput(programName: string, pid: number): OutputDirectory {
  const stem = `memprof-${programName.replace(/[^\w.-]/g, '_')}-${pid}`;
  for (let attempt = 1; attempt < NAME_ATTEMPTS; attempt++) {
    const path = resolve(attempt === 1 ? stem : `${stem}-${attempt}`);
    try {
      mkdirSync(path, { mode: 0o700 });
      return { path };
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== 'EEXIST') return fallback(path, `${dirname(path)} cannot be written (${code ?? String(cause)})`);
    }
  }
  return fallback(resolve(stem), `${stem} and its numbered successors exist`);
}

function fallback(path: string, reason: string): OutputDirectory {
  const instead = mkdtempSync(join(tmpdir(), `${basename(path)}-`));
  return { path: instead, notice: { code: 'OUTPUT_ELSEWHERE', message: `${reason}: recording to ${instead} instead` } };
}
