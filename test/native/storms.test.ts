/** Storms: whatever a program does with its processes, threads, stacks, libraries and limits, it ends and prints as it does alone. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WIRE_MAGIC } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { makeRunDirectory, type Run, runSampled } from './store.ts';

const scratch = mkdtempSync(join(tmpdir(), 'memprof-storms-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ROOT = process.getuid?.() === 0;
/** As dense as the product's users are told to go, and far beyond. */
const MEANS = [4096, 64];

const outcome = ({
  status,
  signal,
  stdout,
  stderr,
}: Pick<SpawnSyncReturns<string>, 'status' | 'signal' | 'stdout' | 'stderr'>) => ({
  status,
  signal,
  stdout,
  stderr,
});

/** Alone and under the sampler, more than once: the same, and every store can be read. @returns the sampled runs. */
function expectSame(command: string[], expected: { status: number; stdout: string }): Run[] {
  const [file = '', ...args] = command;
  const alone = outcome(spawnSync(file, args, { encoding: 'utf8', timeout: 60_000 }));
  expect(alone).toMatchObject(expected);
  return MEANS.map((meanBytes) => {
    const run = runSampled(command, { meanBytes });
    expect(outcome(run)).toEqual(alone);
    for (const store of run.stores) expect(store.magic).toBe(WIRE_MAGIC);
    return run;
  });
}

const samples = (run: Run) => run.stores.reduce((sum, store) => sum + (store.counters.alloc_samples ?? 0), 0);

describe('processes', () => {
  test('five generations of fork, vfork, exec, posix_spawn and a bare clone', () => {
    const runs = expectSame([program('trees')], { status: 0, stdout: '60\n' });
    for (const run of runs) expect(run.stores.length).toBeGreaterThan(30);
  });

  test('a signal handler that forks at whatever instruction the allocations are', () => {
    const bump = program('bump_malloc', ['-shared', '-fPIC']);
    const command = [program('forking_handlers')];
    const run = runSampled(command, { meanBytes: 4096, preload: [bump] });
    expect(outcome(run)).toEqual({
      status: 0,
      signal: null,
      stdout: expect.stringMatching(/^100\n\d+\n$/),
      stderr: '',
    });
  });

  test('a fork in the middle of our own code: the child finishes it, but not in the store of its parent', () => {
    const bump = program('bump_malloc', ['-shared', '-fPIC']);
    const run = runSampled([program('forking_handlers')], { meanBytes: 1, preload: [bump] });
    expect([run.status, run.stderr]).toEqual([0, '']);
    const [children, allocations] = run.stdout.split('\n').map(Number);
    expect(children).toBe(100);
    const parent = run.stores.find(({ forked }) => forked === 0);
    // Every allocation is a sample; those of the C library are a few.
    expect(parent?.counters.alloc_samples).toBeGreaterThanOrEqual(allocations ?? 0);
    expect(parent?.counters.alloc_samples).toBeLessThan((allocations ?? 0) + 4);
    expect(parent?.live.length).toBeLessThan(10);
  });

  test('a debugger that stops it at every system call', () => {
    const runs = expectSame([program('tracer'), program('trees'), '2'], { status: 10, stdout: '' });
    for (const run of runs) expect(samples(run)).toBeGreaterThan(0);
  });

  test('no file descriptor left, then a fork', () => {
    expectSame([program('few_files')], { status: 0, stdout: '7\n' });
  });
});

describe('stacks', () => {
  test('longjmp, siglongjmp, exceptions and coroutines out of sampled frames', () => {
    const runs = expectSame([program('jumps')], { status: 0, stdout: '4600\n' });
    for (const run of runs) expect(samples(run)).toBeGreaterThan(100);
  });

  test('the smallest stacks of threads and signal handlers', () => {
    expectSame([program('small_stacks')], { status: 0, stdout: '2020\n' });
  });
});

test('allocations before main, after it, and while threads end', () => {
  const [run] = expectSame([program('lifetimes')], { status: 0, stdout: expect.stringContaining('main ') });
  expect(run?.stores[0]?.counters.dropped_nested).toBe(0);
});

describe('libraries', () => {
  const plugin = (bytes: number) => program('plugin', ['-shared', '-fPIC', `-DBYTES=${bytes}`]);

  test('loaded and unloaded without end while other threads allocate', () => {
    const [stays, a, b] = [program('namespace_plugin', ['-shared', '-fPIC']), plugin(60013), plugin(60017)];
    const runs = expectSame([program('loading'), stays, a, b], { status: 0, stdout: '2\n' });
    for (const run of runs) expect(run.stores[0]?.counters.broken_stacks).toBe(0);
  });

  test('RTLD_DEEPBIND, and a namespace with a C library of its own', () => {
    const there = program('namespace_plugin', ['-shared', '-fPIC']);
    expectSame([program('namespaces'), there], { status: 0, stdout: 'done\n' });
  });
});

describe('limits', () => {
  test('seccomp in its strict mode', () => {
    expectSame([program('strict')], { status: 0, stdout: 'fine\n' });
  });

  // A gigabyte: our own sparse mappings are locked with the rest, see the limits in docs/explanation/native-sampler.md.
  test('memory locked', () => {
    expectSame([program('locked'), '1048576'], { status: 0, stdout: expect.stringContaining('as much as it has') });
  });

  test('memory locked by a program that may lock 60 MiB: our part of them is small', ({ skip }) => {
    const limited = (command: string[]) => ['/bin/sh', '-c', 'ulimit -l 61440 && exec "$@"', 'sh', ...command];
    const [shell = '', ...args] = limited(['true']);
    if (spawnSync(shell, args).status !== 0) skip('ulimit -l is smaller here, and may not be raised');
    const directory = makeRunDirectory({ meanBytes: 64 });
    try {
      // Root may lock more than the limit.
      const other = ROOT ? ['setpriv', '--reuid', '65534', '--clear-groups'] : [];
      if (ROOT) for (const path of [directory, join(directory, 'control')]) chownSync(path, 65534, 0);
      const run = runSampled(limited([...other, program('locked'), '61440']), { directory });
      expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
      expect(run.stdout).toMatch(/^locked\nas much as it has\n/);
      expect(run.stores.find(({ comm }) => comm === 'locked')?.counters.alloc_samples).toBeGreaterThan(500);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('a program that changes its user when it starts is left alone', ({ skip }) => {
    if (!ROOT) skip('needs root, to make a set-user-ID program');
    const owned = join(scratch, 'setuid');
    copyFileSync(program('known_truth'), owned);
    chmodSync(owned, 0o4755);
    chmodSync(scratch, 0o755);
    const run = runSampled(['setpriv', '--reuid=65534', '--clear-groups', owned, '1009', '1000'], { meanBytes: 4096 });
    expect(outcome(run)).toMatchObject({ status: 0, signal: null });
    // The loader takes no preloaded library there; setpriv itself is another matter.
    expect(run.stores.filter((store) => store.comm === 'setuid')).toEqual([]);
  });
});

describe('sanitizers', () => {
  test.each(['address', 'undefined', 'thread'])('a program with -fsanitize=%s', (sanitizer) => {
    const file = program('known_truth', [`-fsanitize=${sanitizer}`]);
    const command = [file, '1009', '2000'];
    // Their runtimes need address space where this kernel may put something else.
    expectSame(['setarch', '-R', ...command], { status: 0, stdout: '' });
  });
});
