/** What the ledger says of malloc's arenas, against a program that keeps books, and against what glibc really gives back. */
import { expect, onTestFinished, test } from 'vitest';
import type { Ledger } from '../../src/model/ledger.ts';
import { program } from '../native/programs.ts';
import { cleanEnvironment, memprof, type Running, start } from './run-cli.ts';

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
