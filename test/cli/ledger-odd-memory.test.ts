/** `memprof ledger` on programs whose memory is of a rare kind, and known to the page. */
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Ledger } from '../../src/model/ledger.ts';
import { program } from '../native/programs.ts';
import { memprof, scratch, start } from './run-cli.ts';

const PAGE_BYTES = 4096;
const isSwapOn = readFileSync('/proc/swaps', 'latin1').trim().split('\n').length > 1;
const freeHugePages = numberIn('/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages');
const maxMappings = numberIn('/proc/sys/vm/max_map_count');

function numberIn(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1'));
  } catch {
    return 0; // not on this kernel
  }
}

/** The ledger of a program that has memory of these kinds, and nothing else but the C library. */
async function ledgerOf(...kinds: string[]): Promise<Ledger> {
  const running = start(program('odd_memory'), kinds, { env: { ...process.env, TMPDIR: scratch() } });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await running.prints('ready');
  const { status, stdout, stderr } = await memprof(['ledger', String(running.child.pid), '--format', 'json']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [ledger] = (JSON.parse(stdout) as { ledgers: Ledger[] }).ledgers;
  if (ledger === undefined) throw new Error('no ledger');
  expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger.rssBytes);
  return ledger;
}

const lineOf = (ledger: Ledger, name: string): Ledger['lines'][number] | undefined =>
  ledger.lines.find((line) => line.name === name);
const failedOf = (ledger: Ledger): string[] => ledger.checks.filter((one) => !one.isPassed).map((one) => one.name);
const apartOf = (ledger: Ledger, name: string): number => ledger.apart.find((line) => line.name === name)?.bytes ?? 0;

test('shared memory of every kind is one line, split by where it is from', async () => {
  const ledger = await ledgerOf('anonymous', 'memfd', 'sysv', 'shm');
  const shared = lineOf(ledger, 'shared');
  expect(shared?.bytes).toBe((1801 + 2803 + 1301 + 1103) * PAGE_BYTES);
  expect(shared?.certainty).toBe('measured');
  const pagesOf = (pattern: RegExp): number | undefined =>
    shared?.parts.filter((part) => pattern.test(part.title)).map((part) => part.bytes / PAGE_BYTES)[0];
  expect(pagesOf(/memfd:tensors/)).toBe(2803);
  expect(pagesOf(/SYSV/)).toBe(1301);
  expect(pagesOf(/dev\/shm\/odd-memory/)).toBe(1103);
  expect(failedOf(ledger)).toEqual([]);
});

test('a model file that was deleted is still a model file; the pages that were written are the program’s', async () => {
  const ledger = await ledgerOf('deleted');
  expect(lineOf(ledger, 'models')?.bytes).toBe((1709 - 101) * PAGE_BYTES);
  const written = lineOf(ledger, 'private')?.parts.find((part) => part.title.includes('.gguf'));
  expect(written).toMatchObject({ bytes: 101 * PAGE_BYTES, certainty: 'measured' });
  expect(failedOf(ledger)).toEqual([]);
});

describe('a self-check that fails names what cannot be trusted; the rest stands', () => {
  test('code that a compiler made, of nobody that is known', async () => {
    const ledger = await ledgerOf('code', 'memfd');
    expect(ledger.residualBytes).toBe(7001 * PAGE_BYTES);
    expect(failedOf(ledger)).toEqual(['residual', 'unknown_mappings']);
    const messages = ledger.checks.filter((one) => !one.isPassed).map((one) => one.message);
    expect(messages[0]).toMatch(/^residual: \d+\.\d\d % of RSS has no owner/);
    expect(messages[1]).toMatch(/^residual: mappings of 27\.3 MiB .* have no known owner/);
    expect(lineOf(ledger, 'shared')).toMatchObject({ bytes: 2803 * PAGE_BYTES, certainty: 'measured' });
  });

  test.skipIf(maxMappings < 65_530)('60,000 mappings (skipped where a process may not have as many)', async () => {
    const ledger = await ledgerOf('many', 'memfd');
    expect(lineOf(ledger, 'shared')?.bytes).toBe(2803 * PAGE_BYTES);
    // Pages of the program's own making: there is nothing to tell whose they are, and the ledger says so.
    expect(ledger.residualBytes).toBe(60_000 * PAGE_BYTES);
    expect(failedOf(ledger)).toEqual(['residual', 'unknown_mappings']);
  });
});

describe('what is not in RSS is said apart', () => {
  test.skipIf(freeHugePages < 2)('huge pages of hugetlbfs (skipped where vm.nr_hugepages is 0)', async () => {
    const ledger = await ledgerOf('hugetlb');
    expect(apartOf(ledger, 'huge pages of hugetlbfs')).toBe(4 << 20);
    expect(ledger.rssBytes).toBeLessThan(4 << 20);
    expect(failedOf(ledger)).toEqual([]);
  });

  test.skipIf(!isSwapOn)('pages that were swapped out (skipped where there is no swap)', async () => {
    const ledger = await ledgerOf('swapped');
    const swapped = apartOf(ledger, 'swapped out');
    // The kernel may keep a few that it cannot write out at once.
    expect(swapped).toBeGreaterThan(4500 * PAGE_BYTES);
    expect(swapped).toBeLessThanOrEqual(5003 * PAGE_BYTES);
    // Written out is not the same as never touched.
    expect(apartOf(ledger, 'malloc: live and never touched')).toBeLessThan(500 * PAGE_BYTES);
    expect(lineOf(ledger, 'malloc')?.bytes).toBeGreaterThan(2003 * 8176);
  });
});
