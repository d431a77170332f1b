import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Ledger } from '../../src/model/ledger.ts';
import { NODE_LINES, nodeBinary } from '../native/helpers/js-probe.ts';
import { cleanEnvironment, memprof } from './run-cli.ts';

const MIB = 1 << 20;
const PROGRAM = fileURLToPath(new URL('../../fixtures/truth/resident.mjs', import.meta.url));
const OTHER_ALLOCATORS = [
  { name: 'jemalloc', file: 'libjemalloc.so.2' },
  { name: 'mimalloc', file: 'libmimalloc.so.2.0' },
  { name: 'tcmalloc', file: 'libtcmalloc_minimal.so.4' },
].map((one) => ({
  ...one,
  path: ['x86_64', 'aarch64'].map((arch) => `/usr/lib/${arch}-linux-gnu/${one.file}`).find(existsSync),
}));

/** Starts a program of known memory and resolves when it has all of it. */
async function startTruth(node: string, what: string, env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(node, ['--expose-gc', PROGRAM, what], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${what} ended before it was ready`)));
  });
  return child.pid ?? 0;
}

async function ledgerOf(pid: number): Promise<Ledger> {
  const { status, stdout, stderr } = await memprof(['ledger', String(pid), '--format', 'json']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [ledger] = (JSON.parse(stdout) as { ledgers: Ledger[] }).ledgers;
  if (ledger === undefined) throw new Error('no ledger');
  expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger.rssBytes);
  // 1 % is what is promised without injection.
  expect(Math.abs(ledger.residualBytes) / ledger.rssBytes).toBeLessThan(0.01);
  return ledger;
}

const bytesOf = (ledger: Ledger, name: string): number => ledger.lines.find((line) => line.name === name)?.bytes ?? 0;
const apartOf = (ledger: Ledger, name: string): number => ledger.apart.find((line) => line.name === name)?.bytes ?? 0;

describe('a running process, from outside', () => {
  test.each(NODE_LINES)('Node %i: 499 MiB touched', async (line) => {
    const ledger = await ledgerOf(await startTruth(nodeBinary(line), 'touched'));
    // Node and V8 have a few blocks of that kind as well.
    expect(bytesOf(ledger, 'mallocMapped') - 499 * MIB).toBeGreaterThanOrEqual(0);
    expect(bytesOf(ledger, 'mallocMapped') - 499 * MIB).toBeLessThan(2 * MIB);
    expect(ledger.checks.filter((check) => !check.isPassed)).toEqual([]);
  });

  test('499 MiB that nobody touched are not in RSS, and said apart', async () => {
    const ledger = await ledgerOf(await startTruth(process.execPath, 'untouched'));
    expect(bytesOf(ledger, 'mallocMapped')).toBeLessThan(2 * MIB);
    expect(apartOf(ledger, 'malloc: live and never touched')).toBeGreaterThan(498 * MIB);
  });

  test.each(NODE_LINES)('Node %i: 97 MiB of WebAssembly', async (line) => {
    const ledger = await ledgerOf(await startTruth(nodeBinary(line), 'wasm'));
    expect(bytesOf(ledger, 'wasmMemory')).toBe(97 * MIB);
  });

  test('three workers: their pages are among V8’s, and there is one code range', async () => {
    const ledger = await ledgerOf(await startTruth(process.execPath, 'workers'));
    // 120,000 times two objects in each, 96 bytes or more together.
    expect(bytesOf(ledger, 'v8Heap')).toBeGreaterThan((3 * 120_000 * 96) as number);
    expect(bytesOf(ledger, 'v8Code')).toBeGreaterThan(0);
  });

  test('half of 150,000 blocks freed: malloc keeps what nobody holds', async () => {
    const ledger = await ledgerOf(await startTruth(process.execPath, 'holes'));
    const malloc = ledger.lines.find((line) => line.name === 'malloc');
    const share = (name: string): number => malloc?.parts.find((one) => one.name === name)?.bytes ?? 0;
    // 1,000 bytes take a chunk of 1,008 bytes; of pages that hold a live block none goes back.
    expect(share('live')).toBeGreaterThan(75_000 * 1008);
    expect(share('retained')).toBeGreaterThan(0.8 * 75_000 * 1008);
    expect(share('live') + share('retained')).toBe(malloc?.bytes);
    expect(ledger.splitErrorBytes).toBe(0);
  });

  // tcmalloc takes the end of the data segment, where glibc's main heap is else; mimalloc's segments are aligned as arenas are.
  describe.each(OTHER_ALLOCATORS)('$name preloaded (skipped where $file is missing)', ({ name, path }) => {
    test.skipIf(path === undefined)('what it holds is one line, and nothing of it is glibc’s', async () => {
      const ledger = await ledgerOf(await startTruth(process.execPath, 'holes', { LD_PRELOAD: path ?? '' }));
      const line = ledger.lines.find((one) => one.name === 'allocator');
      // 150,000 blocks of 1,000 bytes in pages of which hardly one is free, and what Node has besides.
      expect(line?.bytes).toBeGreaterThan(150_000 * 1000);
      expect(line?.errorBytes).toBeLessThan(0.01 * (line?.bytes ?? 0));
      expect(line?.parts.map((part) => part.title).filter((title) => title !== name)).toEqual([]);
      expect(bytesOf(ledger, 'malloc')).toBe(0);
      expect(ledger.checks.filter((check) => !check.isPassed)).toEqual([]);
    });
  });

  test('one that grows all the time: read again, and the skew said', async () => {
    const pid = await startTruth(process.execPath, 'moving');
    const { status, stdout } = await memprof(['ledger', String(pid), '--format', 'json']);
    const [ledger] = (JSON.parse(stdout) as { ledgers: Ledger[] }).ledgers;
    expect(status).toBe(0);
    expect(ledger?.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger?.rssBytes);
    expect(ledger?.retries).toBeLessThanOrEqual(3);
  });

  test('one that is stopped is read like any other', async () => {
    const pid = await startTruth(process.execPath, 'wasm');
    process.kill(pid, 'SIGSTOP');
    expect(bytesOf(await ledgerOf(pid), 'wasmMemory')).toBe(97 * MIB);
  });

  test('a program that is no Node', async () => {
    const child = spawn('sleep', ['30']);
    onTestFinished(() => void child.kill());
    const { status, stdout } = await memprof(['ledger', String(child.pid), '--format', 'markdown']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^### sleep \[\d+\]: RSS/);
    expect(stdout).not.toContain('V8 heap');
  });
});

describe('what cannot be read', () => {
  test('no such process', async () => {
    const { status, stdout, stderr } = await memprof(['ledger', '4194303']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      'memprof: there is no process 4194303\n  Give the id of a running process, in this pid namespace.\n',
    );
  });

  test('--at for a process that runs', async () => {
    const { status, stderr } = await memprof(['ledger', String(process.pid), '--at', 'peak']);
    expect(status).toBe(2);
    expect(stderr).toContain('it can be read now, and at no other moment');
  });

  test('what is neither a process id nor a recording', async () => {
    const { status, stderr } = await memprof(['ledger', 'memprof-node-4711']);
    expect(status).toBe(2);
    expect(stderr).toContain('cannot read memprof-node-4711');
  });

  test('a format and a moment that there are not', async () => {
    for (const [flags, message] of [
      [['--format', 'html5'], 'is not one of'],
      [['--at', 'noon'], 'is no moment'],
      [['--at', '101%'], 'is no moment'],
      [['--at', '12'], 'is no moment'],
    ] as const) {
      const { status, stderr } = await memprof(['ledger', '1', ...flags]);
      expect(status).toBe(2);
      expect(stderr).toContain(message);
    }
  });
});
