/** Live and retained bytes of malloc's heaps, against books that a preloaded malloc keeps: to the byte, and outside the walk's own code. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readLedger } from '../../src/capture/ledger-reading.ts';
import type { HeapWalk, LedgerReading } from '../../src/recording/ledger.ts';
import { cleanEnvironment, scratch } from '../cli/run-cli.ts';
import { NODE_LINES, nodeBinary } from '../native/helpers/js-probe.ts';
import { program } from '../native/programs.ts';

const TRUTH = fileURLToPath(new URL('../../fixtures/truth/', import.meta.url));
/** What malloc hands out to itself: lists of freed blocks, one for each thread, and records of arenas. */
const OWN_BYTES = 64 << 10;

interface Counted {
  readonly pid: number;
  /** Bytes of chunks of heaps that are handed out now. */
  books(): number;
  /** What `work` returns, and the fewest and most bytes that were handed out meanwhile. */
  during<T>(work: () => T): { result: T; fewest: number; most: number };
}

async function counted(node: string, args: readonly string[]): Promise<Counted> {
  const file = join(scratch(), 'books');
  const preload = program('counting_malloc', ['-shared', '-fPIC']);
  const child = spawn(node, args, {
    env: { ...cleanEnvironment(), LD_PRELOAD: preload, MALLOC_BOOKS: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error(`${args.join(' ')} ended before it was ready`)));
  });
  const books = (): number => Number(readFileSync(file).readBigInt64LE(0));
  return {
    pid: child.pid ?? 0,
    books,
    during(work) {
      const now = Buffer.alloc(16);
      now.writeBigInt64LE(BigInt(books()), 0);
      now.writeBigInt64LE(BigInt(books()), 8);
      const fd = openSync(file, 'r+');
      writeSync(fd, now, 0, 16, 16);
      closeSync(fd);
      const result = work();
      const after = readFileSync(file);
      return { result, fewest: Number(after.readBigInt64LE(16)), most: Number(after.readBigInt64LE(24)) };
    },
  };
}

/** Resolves when each thread is stopped: those in a system call are later than the signal. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const isStopped = (thread: string): boolean =>
    /\) [Tt] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'));
  while (!readdirSync(`/proc/${pid}/task`).every(isStopped)) await new Promise((resolve) => setTimeout(resolve, 1));
}

const read = (pid: number): LedgerReading => readLedger(pid, { reason: 'outside', walkBytes: 2 ** 32 });

/** Live by the walk, resident or not. */
function walkedLive({ heaps }: LedgerReading): number {
  if (heaps === undefined) throw new Error('the heaps were not walked');
  const sum = (pick: (heap: HeapWalk) => number): number => heaps.reduce((total, heap) => total + pick(heap), 0);
  return sum((heap) => heap.liveBytes + heap.untouchedBytes - heap.cachedBytes);
}

const rssOf = ({ regions }: LedgerReading): number => regions.reduce((sum, region) => sum + region[4], 0);

test.each(NODE_LINES)('Node %i, quiet, half of 150,000 blocks freed', async (line) => {
  const { pid, books } = await counted(nodeBinary(line), ['--expose-gc', join(TRUTH, 'resident.mjs'), 'holes']);
  // Threads of V8's may still be at work.
  await stop(pid);
  const off = walkedLive(read(pid)) - books();
  expect(off).toBeGreaterThan(0);
  expect(off).toBeLessThan(OWN_BYTES);
});

describe('V8 optimizes WebAssembly meanwhile', () => {
  test('stopped', async () => {
    const { pid, books } = await counted(process.execPath, [join(TRUTH, 'tier-up.mjs')]);
    await stop(pid);
    const reading = read(pid);
    // A thread may have been stopped between malloc and its books: some blocks of a compiler's.
    expect(Math.abs(walkedLive(reading) - books())).toBeLessThan(0.01 * rssOf(reading));
  });

  test('not stopped: within 3 % of RSS of the fewest and most bytes that were live meanwhile', async () => {
    const { pid, during } = await counted(process.execPath, [join(TRUTH, 'tier-up.mjs')]);
    for (let i = 0; i < 5; i++) {
      const { result: reading, fewest, most } = during(() => read(pid));
      const live = walkedLive(reading);
      const allowed = 0.03 * rssOf(reading);
      expect(live).toBeGreaterThan(fewest - allowed);
      expect(live).toBeLessThan(most + allowed);
    }
  });
});
