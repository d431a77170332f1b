import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gateRunOf } from '../analyze/gate-measures.js';
import { buildProfile } from '../interpret/index.js';
import type { GateEnvironment, GateRun } from '../model/gate.js';
import type { Profile } from '../model/profile.js';
import type { Recogniser } from '../model/recognise.js';
import { memprofVersion } from '../version.js';
import { type GateCommand, type GateSampling, recordOnce } from './gate-run.js';

export interface GateRunnerOptions {
  readonly sampling: GateSampling;
  readonly timeoutSeconds: number;
  readonly recogniser: Recogniser;
  readonly onRun: (name: string) => void;
}

/** One command, run again and again. */
export interface GateRunner {
  /** Runs it once more; what it recorded is read while the next run goes on. */
  start(): Promise<void>;
  /** All runs so far, read. */
  finished(): Promise<readonly GateRun[]>;
  /** Of the last run that was read. */
  environment(): GateEnvironment;
  /** Of the last run that was read. */
  lastProfile(): Profile | undefined;
}

/** A private folder for the recordings of one gate, gone when it is over. */
export function makeGateFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'memprof-gate-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function createGateRunner(
  command: GateCommand,
  side: 'base' | 'now',
  folder: string,
  { sampling, timeoutSeconds, recogniser, onRun }: GateRunnerOptions,
): GateRunner {
  const reading: Promise<GateRun>[] = [];
  let last: Profile | undefined;
  let started = 0;

  async function read(recording: string): Promise<GateRun> {
    const profile = await buildProfile(recording, { recogniser });
    rmSync(recording, { recursive: true, force: true });
    last = profile;
    return gateRunOf(profile);
  }

  return {
    async start() {
      started++;
      const name = side === 'base' ? `run ${started} of the base` : `run ${started}`;
      onRun(name);
      const own = join(folder, `${side}-${started}`);
      mkdirSync(own, { recursive: true, mode: 0o700 });
      const recording = await recordOnce(command, { sampling, timeoutSeconds, folder: own, name });
      // One after the other: two at once would need the memory of two.
      const before = reading.at(-1) ?? Promise.resolve();
      const next = before.then(() => read(recording));
      next.catch(() => undefined); // whoever asks for the runs hears of it
      reading.push(next);
    },
    finished: () => Promise.all(reading),
    environment: () => environmentOf(last, sampling),
    lastProfile: () => last,
  };
}

function environmentOf(profile: Profile | undefined, sampling: GateSampling): GateEnvironment {
  const node = profile?.processes.find(({ nodeVersion }) => nodeVersion !== undefined);
  return {
    memprof: memprofVersion(),
    node: node?.nodeVersion ?? '',
    arch: process.arch,
    libc: profile?.processes[0]?.libc ?? '',
    cpus: cpus().length,
    kernel: release(),
    sampleBytes: sampling.sampleBytes,
    v8IntervalBytes: sampling.v8IntervalBytes,
  };
}
