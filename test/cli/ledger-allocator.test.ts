/** What the ledger says of malloc's arenas, against a program that keeps books, and against what glibc really gives back. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Ledger } from '../../src/model/ledger.ts';
import { program } from '../native/programs.ts';
import { cleanEnvironment, memprof, type Running, scratch, start } from './run-cli.ts';

interface Books {
  readonly running: Running;
  /** What the program says that it has live: whole chunks. */
  readonly liveBytes: number;
  readonly ledger: Ledger;
}

async function lines(running: Running, count: number): Promise<number[]> {
  let text = '';
  while (text.split('\n').length <= count) {
    const data: unknown = await new Promise((resolve) => running.child.stdout?.once('data', resolve));
    text += String(data);
  }
  return text.trim().split('\n').map(Number);
}

async function books(mode: 'calm' | 'fast', env: NodeJS.ProcessEnv = {}): Promise<Books> {
  const running = start(program('books'), [mode], { env: { ...cleanEnvironment(), ...env } });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  const [liveBytes = 0] = await lines(running, 1);
  const { status, stdout, stderr } = await memprof(['ledger', String(running.child.pid), '--format', 'json']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [ledger] = (JSON.parse(stdout) as { ledgers: Ledger[] }).ledgers;
  if (ledger === undefined) throw new Error('no ledger');
  return { running, liveBytes, ledger };
}

/** Bytes by which RSS shrinks when the program calls malloc_trim(0). */
async function trim({ running }: Books): Promise<number> {
  running.child.stdin?.write('trim\n');
  const [bytes = 0] = await lines(running, 1);
  return bytes;
}

function walkedLive({ lines }: Ledger): number {
  const malloc = lines.find((line) => line.name === 'malloc');
  return malloc?.parts.find((part) => part.name === 'live')?.bytes ?? 0;
}

const figure = ({ allocators }: Ledger, name: string): number =>
  allocators[0]?.figures.find((one) => one.name === name)?.bytes ?? 0;

// A walk through chunks knows nothing of fast bins: there their blocks look live.
test.each(['calm', 'fast'] as const)('books of five arenas, %s: live is right to a thousandth of RSS', async (mode) => {
  const { ledger, liveBytes } = await books(mode);
  // What malloc has for itself is live as well: records of arenas, lists of freed blocks of threads, a buffer of stdout.
  expect(walkedLive(ledger) - liveBytes).toBeGreaterThan(0);
  expect((walkedLive(ledger) - liveBytes) / ledger.rssBytes).toBeLessThan(0.001);
  expect(ledger.splitErrorBytes).toBe(0);
  const [glibc] = ledger.allocators;
  expect(glibc?.name).toBe('glibc malloc');
  expect(glibc?.arenas.map(({ name, threads }) => [name, threads])).toEqual([
    ['main', 1],
    ...[1, 2, 3, 4].map((arena) => [`arena ${arena}`, 1]),
  ]);
});

test.each(['calm', 'fast'] as const)('malloc_trim gives back what the ledger said, at most, %s', async (mode) => {
  const one = await books(mode);
  const said = figure(one.ledger, 'malloc_trim');
  expect(said).toBeGreaterThan(20 << 20);
  const given = await trim(one);
  expect(given).toBeLessThanOrEqual(said);
  expect(given).toBeGreaterThan(0.98 * said);
});

test('MALLOC_ARENA_MAX=1 gives back less than the ledger said', async () => {
  const many = await books('fast');
  const one = await books('fast', { MALLOC_ARENA_MAX: '1' });
  expect(one.ledger.allocators[0]?.arenas.map(({ name, threads }) => [name, threads])).toEqual([['main', 5]]);
  expect(one.ledger.allocators[0]?.figures.map(({ name }) => name)).toEqual(['malloc_trim']);
  const saved = many.ledger.rssBytes - one.ledger.rssBytes;
  expect(saved).toBeLessThanOrEqual(figure(many.ledger, 'arena_max_1'));
  expect(Math.abs(walkedLive(one.ledger) - one.liveBytes) / one.ledger.rssBytes).toBeLessThan(0.001);
});

test('the tables are in the text and in Markdown', async () => {
  const { running } = await books('calm');
  for (const format of ['text', 'markdown']) {
    const { stdout } = await memprof(['ledger', String(running.child.pid), '--format', format]);
    expect(stdout).toMatch(/arena 4/);
    expect(stdout).toMatch(/malloc_trim\(0\), at most.* = \d+\.\d MiB/);
    expect(stdout).toMatch(/MALLOC_ARENA_MAX=2, at most/);
    if (format === 'text') expect(stdout.split('\n').find((line) => line.startsWith('main '))).toHaveLength(80);
  }
});

const HOLD = `globalThis.kept = []; for (let i = 0; i < 60000; i++) kept.push(Buffer.allocUnsafeSlow(1000).fill(1));
  for (let i = 0; i < kept.length; i += 2) kept[i] = undefined; globalThis.gc(); setTimeout(() => undefined, 300);`;

// 30,000 blocks of 1,000 bytes are kept, 30,000 are free among them, and Node has some megabytes.
describe.each([
  { name: 'jemalloc', file: 'libjemalloc.so.2', live: 'live' },
  { name: 'mimalloc', file: 'libmimalloc.so.2.0', live: undefined },
  { name: 'tcmalloc', file: 'libtcmalloc_minimal.so.4', live: 'live' },
])('$name under memprof run (skipped where $file is missing)', ({ name, file, live }) => {
  const path = ['x86_64', 'aarch64'].map((arch) => `/usr/lib/${arch}-linux-gnu/${file}`).find(existsSync);
  test.skipIf(path === undefined)('says itself what is live of its heaps', async () => {
    const folder = join(scratch(), 'recording');
    const env = { ...cleanEnvironment(), LD_PRELOAD: path };
    const run = await memprof(['run', '-o', folder, '--', process.execPath, '--expose-gc', '-e', HOLD], { env });
    expect([run.status, run.signal]).toEqual([0, null]);
    const { stdout } = await memprof(['ledger', folder, '--format', 'json']);
    const [ledger] = (JSON.parse(stdout) as { ledgers: Ledger[] }).ledgers;
    const own = ledger?.allocators.find((one) => one.name === name);
    expect(own?.figures.length).toBeGreaterThan(1);
    for (const { bytes } of own?.figures ?? []) expect(bytes).toBeLessThan(ledger?.rssBytes ?? 0);
    if (live === undefined) return;
    const stated = own?.figures.find((one) => one.name === live)?.bytes ?? 0;
    expect(stated).toBeGreaterThan(30_000 * 1000);
    expect(stated).toBeLessThan(30_000 * 1000 + (20 << 20));
  });
});
