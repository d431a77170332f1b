import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { isInstalled } from '../../fixtures/install.mjs';

export const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));

/** True where the tests of real runtimes cannot run; says so once per file. */
export function runtimesAreMissing(): boolean {
  if (isInstalled('workloads')) return false;
  process.stderr.write(
    'skipped: onnxruntime-node and node-llama-cpp are missing: node fixtures/install.mjs workloads\n',
  );
  return true;
}

/** A folder that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memprof-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function sha256(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

export interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; its input is empty. */
export async function run(command: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const { NODE_OPTIONS: _options, ...inherited } = process.env;
  const child = spawn(command, args, { env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  return await outcome(child);
}

async function outcome(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}
