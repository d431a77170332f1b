import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, MemprofError } from '../errors.js';
import type { Notice } from '../model/profile.js';
import { MANIFEST_FILE, MANIFEST_VERSION, type Manifest } from '../recording/manifest.js';
import { tooNew, unreadable } from './chunk-stream.js';

/** A recording directory, opened. */
export interface OpenRecording {
  /** Undefined if it is damaged or missing: the `.mpr` files say enough. */
  readonly manifest: Manifest | undefined;
  /** Paths of the `.mpr` files. */
  readonly files: readonly string[];
  readonly notices: readonly Notice[];
}

/**
 * Reads `recording.json`.
 * @throws MemprofError MANIFEST_MISSING, MANIFEST_DAMAGED, RECORDING_TOO_NEW or RECORDING_UNREADABLE; exit code 2.
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, (cause as Error).message, cause);
    throw new MemprofError(`${directory} has no ${MANIFEST_FILE}`, {
      code: 'MANIFEST_MISSING',
      exitCode: EXIT.usage,
      hint: 'Give the directory that `memprof run` wrote.',
      cause,
    });
  }
  return parseManifest(path, text);
}

async function parseManifest(path: string, text: string): Promise<Manifest> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, 'it is not JSON', cause);
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > MANIFEST_VERSION) throw tooNew(path, version);
  // zod takes 45 ms to load, and a run that has just written its manifest does not need it.
  const { manifestSchema } = await import('../schema/manifest.js');
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, parsed.error);
  }
  // zod gives optional fields as possibly undefined; Manifest has them absent.
  return JSON.parse(JSON.stringify(parsed.data)) as Manifest;
}

function damaged(path: string, reason: string, cause: unknown): MemprofError {
  return new MemprofError(`${path} is damaged: ${reason}`, {
    code: 'MANIFEST_DAMAGED',
    exitCode: EXIT.usage,
    hint: 'The .mpr files beside it can be read without it: remove it.',
    cause,
  });
}

/**
 * Finds the files of a recording. A manifest that is missing or damaged is a notice as long as there are `.mpr` files.
 * @param known the manifest, where the caller has just written it.
 * @throws MemprofError if there is nothing to read; exit code 2.
 */
export async function openRecording(directory: string, known?: Manifest): Promise<OpenRecording> {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (cause) {
    throw unreadable(directory, (cause as Error).message, cause);
  }
  const found = names.filter((name) => name.endsWith('.mpr')).sort(byNumber);
  const notices: Notice[] = [];
  let manifest: Manifest | undefined;
  try {
    manifest = known ?? (await readManifest(directory));
  } catch (error) {
    if (!(error instanceof MemprofError) || error.code === 'RECORDING_TOO_NEW' || found.length === 0) throw error;
    notices.push({ code: error.code, message: `${error.message}; read without it` });
  }
  const files = manifest === undefined ? found : inOrder(manifest.files, found);
  if (files.length === 0) {
    throw new MemprofError(`${directory} has no process in it: no .mpr file`, {
      code: 'RECORDING_EMPTY',
      exitCode: EXIT.usage,
      hint: 'Give the directory that `memprof run` wrote; a run that recorded nothing says why when it ends.',
    });
  }
  for (const name of manifest?.files ?? []) {
    if (found.includes(name)) continue;
    notices.push({ code: 'PROCESS_MISSING', message: `${name} is named in ${MANIFEST_FILE} and is not there` });
  }
  if (manifest !== undefined) notices.push(...manifest.notices);
  return { manifest, files: files.map((name) => join(directory, name)), notices };
}

/** The manifest's order first; files that it does not know yet (the run goes on, or memprof was killed) after them. */
function inOrder(listed: readonly string[], found: readonly string[]): string[] {
  return [...listed.filter((name) => found.includes(name)), ...found.filter((name) => !listed.includes(name))];
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
