import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, MemprofError } from '../errors.js';
import type { SnapshotReason } from '../recording/chunks.js';
import { SNAPSHOT_REASONS } from '../recording/chunks.js';
import {
  CONTROL,
  CONTROL_ASYNC_LABELS,
  CONTROL_MAGIC,
  CONTROL_NO_NATIVE,
  CONTROL_NO_V8,
  CONTROL_V8_EXACT,
  REFUSALS,
  WIRE_VERSION,
} from '../recording/wire.js';

/** What the samplers in the profiled processes are told, through the control file. */
export interface SamplingSettings {
  readonly native: boolean;
  readonly v8: boolean;
  readonly sampleBytes: number;
  readonly v8IntervalBytes: number;
  readonly exact: boolean;
  readonly asyncLabels: boolean;
  readonly maxSamplesPerSecond: number;
}

/** The private directory through which samplers and memprof talk: docs/reference/recording.md, "During the run". */
export interface RunDirectory {
  readonly path: string;
  /** Asks every agent for a V8 profile. */
  requestV8Profile(reason: SnapshotReason): void;
  /** How many processes a sampler stayed out of, by `enum mp_refusal`. Only those that happened. */
  refusals(): Readonly<Record<string, number>>;
  /** Removes the directory and all in it. Processes that have a store mapped keep it, unharmed. */
  remove(): void;
}

/** Of a process, where nobody can tell which that is. */
const UNKNOWN_NAMESPACE = '0';

/** The number of the pid namespace: a container that shares /dev/shm with others has process ids of its own. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? UNKNOWN_NAMESPACE;
  } catch {
    return UNKNOWN_NAMESPACE; // no /proc
  }
}

/**
 * Makes the run directory (0700) and its control file. tmpfs first: a store on a disk cost 12.8 ms a process against 1
 * ms.
 * @throws MemprofError NO_RUN_DIRECTORY (exit code 125) if no candidate can be written.
 */
export function makeRunDirectory(
  settings: SamplingSettings,
  candidates: readonly string[] = defaultCandidates(),
): RunDirectory {
  const causes: unknown[] = [];
  for (const parent of candidates) {
    let path: string | undefined;
    try {
      path = mkdtempSync(join(parent, `memprof-${pidNamespace()}-${process.pid}-`));
      const control = join(path, 'control');
      const fd = openSync(control, 'wx+', 0o600);
      writeWhole(fd, encodeControl(settings));
      const made = path;
      return { path, ...controlFunctions(fd), remove: () => removeDirectory(fd, made) };
    } catch (cause) {
      causes.push(cause);
      if (path !== undefined) rmSync(path, { recursive: true, force: true });
    }
  }
  throw new MemprofError(`no folder for the run's private files: tried ${candidates.join(', ')}`, {
    code: 'NO_RUN_DIRECTORY',
    exitCode: EXIT.failed,
    hint: 'Free some space there, or set TMPDIR to a folder that can be written.',
    cause: new AggregateError(causes),
  });
}

/** The folders in which a run directory may be made, best first. */
export function defaultCandidates(): string[] {
  const folders = ['/dev/shm', process.env.XDG_RUNTIME_DIR, process.env.TMPDIR, tmpdir(), '/tmp'];
  return [...new Set(folders.filter((folder) => folder !== undefined && folder !== ''))] as string[];
}

/**
 * Removes run directories whose memprof was killed and whose processes are all gone, of this pid namespace: in another one
 * nobody here knows who lives. Cheap, and silent: what cannot be removed belongs to somebody else.
 */
export function sweepStaleRunDirectories(
  isAlive: (pid: number) => boolean,
  parents: readonly string[] = defaultCandidates().slice(0, 1),
): string[] {
  const removed: string[] = [];
  const namespace = pidNamespace();
  if (namespace === UNKNOWN_NAMESPACE) return removed;
  for (const parent of parents) {
    for (const entry of listOrNone(parent)) {
      const [, madeIn, owner] = /^memprof-(\d+)-(\d+)-[A-Za-z0-9]{6}$/.exec(entry) ?? [];
      if (madeIn !== namespace || isAlive(Number(owner))) continue;
      const path = join(parent, entry);
      const pids = listOrNone(path).map((file) => Number.parseInt(file, 10));
      if (pids.some((pid) => pid > 0 && isAlive(pid))) continue;
      try {
        rmSync(path, { recursive: true });
        removed.push(path);
      } catch {
        // Another user's: theirs to remove.
      }
    }
  }
  return removed;
}

function encodeControl(settings: SamplingSettings): Buffer {
  const page = Buffer.alloc(CONTROL.bytes);
  page.writeBigUInt64LE(CONTROL_MAGIC, CONTROL.magic);
  page.writeUInt32LE(WIRE_VERSION, CONTROL.version);
  const flags =
    (settings.native ? 0 : CONTROL_NO_NATIVE) |
    (settings.v8 ? 0 : CONTROL_NO_V8) |
    (settings.exact ? CONTROL_V8_EXACT : 0) |
    (settings.asyncLabels ? CONTROL_ASYNC_LABELS : 0);
  page.writeUInt32LE(flags, CONTROL.flags);
  page.writeBigUInt64LE(BigInt(settings.sampleBytes), CONTROL.meanBytes);
  page.writeBigUInt64LE(BigInt(settings.v8IntervalBytes), CONTROL.v8IntervalBytes);
  page.writeBigUInt64LE(BigInt(settings.maxSamplesPerSecond), CONTROL.maxSamplesPerSecond);
  page.writeBigUInt64LE(seed(), CONTROL.seed);
  return page;
}

/** `MEMPROF_SEED`, for benches and tests: every thread draws the same gaps each time. 0, as for all that is no number: from the clock. */
function seed(): bigint {
  const text = process.env.MEMPROF_SEED ?? '';
  return /^\d{1,15}$/.test(text) ? BigInt(text) : 0n;
}

function controlFunctions(fd: number): Pick<RunDirectory, 'requestV8Profile' | 'refusals'> {
  let requests = 0n;
  return {
    requestV8Profile(reason) {
      // The reason first: an agent looks at it once it has seen the request's number move.
      const words = Buffer.alloc(8);
      words.writeBigUInt64LE(BigInt(SNAPSHOT_REASONS.indexOf(reason)));
      writeSync(fd, words, 0, 8, CONTROL.snapshotReason);
      words.writeBigUInt64LE(++requests);
      writeSync(fd, words, 0, 8, CONTROL.snapshotRequest);
    },
    refusals() {
      const counts = Buffer.alloc(8 * REFUSALS.length);
      readSync(fd, counts, 0, counts.length, CONTROL.refusals);
      const entries = REFUSALS.map((name, i) => [name, Number(counts.readBigUInt64LE(8 * i))] as const);
      return Object.fromEntries(entries.filter(([, count]) => count > 0));
    },
  };
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
}

function removeDirectory(fd: number, path: string): void {
  if (!existsSync(path)) return;
  closeSync(fd);
  rmSync(path, { recursive: true, force: true });
}

function listOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not there, or not ours
  }
}
