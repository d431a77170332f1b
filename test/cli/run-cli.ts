import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import type { Manifest } from '../../src/recording/manifest.ts';
import type { PageData } from '../../src/report/html/page-data.ts';

export const MEMPROF = fileURLToPath(new URL('../../bin/memprof.js', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** In a process group of its own, so that a test can signal the group. */
  readonly detached?: boolean;
}

/** A folder that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memprof-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The environment of this test without what vitest or an outer run put there. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_ENV: _mode, VITEST: _vitest, LD_PRELOAD: _preload, ...env } = process.env;
  return env;
}

/** A program under way. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Resolves once stdout holds `text`. */
  prints(text: string): Promise<void>;
}

export function start(command: string, args: readonly string[], options: Options = {}): Running {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? cleanEnvironment(),
    detached: options.detached ?? false,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => undefined); // a program that does not read its input is none of our business
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  const prints = async (text: string): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (!stdout.includes(text)) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error(`no ${text} in: ${stdout}\n${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { child, ended, prints };
}

/** Runs a command to its end. */
export function runToEnd(command: string, args: readonly string[], options: Options = {}): Promise<Outcome> {
  return start(command, args, { input: '', ...options }).ended;
}

/** Runs memprof to its end. */
export function memprof(args: readonly string[], options: Options = {}): Promise<Outcome> {
  return runToEnd(process.execPath, [MEMPROF, ...args], options);
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8')) as Manifest;
}

/** The data of the page that a command writes to stdout. */
export async function pageOf(...args: string[]): Promise<PageData> {
  const { status, stdout, stderr } = await memprof([...args, '--format', 'html']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(stdout) ?? [];
  return JSON.parse(json) as PageData;
}
