import { release } from 'node:os';
import type { ProgramEnd } from '../capture/launch.js';
import { writeManifest } from '../capture/recording-writer.js';
import type { SamplingSettings } from '../capture/run-directory.js';
import { MANIFEST_FORMAT, MANIFEST_VERSION, type Manifest, type ManifestNotice } from '../recording/manifest.js';
import { memprofVersion } from '../version.js';

export interface RunOutcome {
  readonly end: ProgramEnd;
  readonly files: readonly string[];
  readonly emptyProcesses: number;
  readonly notices: ManifestNotice[];
}

/** The manifest of a run that goes on. */
export interface RunManifest {
  /** Writes it for the last time. @returns what it says. */
  finish(outcome: RunOutcome): Manifest;
}

/**
 * Writes `recording.json` at the start, so that a recording whose memprof was killed can be read, and again at the end.
 * A disk that refuses it becomes a notice.
 */
export function startManifest(
  folder: string,
  program: { readonly name: string; readonly pid: number },
  settings: SamplingSettings,
  runDirectory: string,
): RunManifest {
  const base = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    memprofVersion: memprofVersion(),
    startedAtNs: nowUnixNs(),
    host: { platform: process.platform, arch: process.arch, kernel: release() },
    settings,
  } as const;
  tryWrite(folder, { ...base, program, runDirectory, files: [], emptyProcesses: 0, notices: [] });
  return {
    finish({ end, files, emptyProcesses, notices }) {
      const manifest = {
        ...base,
        endedAtNs: nowUnixNs(),
        program: { ...program, exitCode: end.exitCode, signal: end.signal },
        files,
        emptyProcesses,
        notices,
      };
      const problem = tryWrite(folder, manifest);
      if (problem !== undefined) {
        notices.push({
          code: 'MANIFEST_REFUSED',
          message: `recording.json could not be written to ${folder}: ${problem}`,
        });
      }
      return manifest;
    },
  };
}

function tryWrite(folder: string, manifest: Manifest): string | undefined {
  try {
    writeManifest(folder, manifest);
    return undefined;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code ?? String(cause);
  }
}

function nowUnixNs(): string {
  return (BigInt(Date.now()) * 1_000_000n).toString();
}
