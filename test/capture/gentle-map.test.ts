/** The page map must tell what smaps tells: the same sizes, mapping by mapping, of programs that stand still. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_WALK_BYTES, readMap } from '../../src/capture/gentle-map.ts';
import { readSmaps } from '../../src/capture/smaps.ts';
import { REGION_FLAG, type RegionRow } from '../../src/recording/ledger.ts';
import { cleanEnvironment, scratch, start } from '../cli/run-cli.ts';
import { NODE_LINES, nodeBinary } from '../native/helpers/js-probe.ts';
import { program } from '../native/programs.ts';
import { REPOSITORY } from '../native/store.ts';

const RESIDENT = join(REPOSITORY, 'fixtures/truth/resident.mjs');
/** So that each program counts as a large one. */
const SMALL_BYTES = 1 << 20;

async function stopped(command: string, args: string[], ready: string): Promise<number> {
  const running = start(command, args, { env: { ...cleanEnvironment(), TMPDIR: scratch() } });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await running.prints(ready);
  const pid = running.child.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1')).toMatch(/\) T /);
  return pid;
}

const rssOf = (pid: number): number => 4096 * Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
/** All but the kernel's flags and huge pages. */
const sizes = (regions: readonly RegionRow[]): unknown[] =>
  regions.map(([from, bytes, flags, path, rss, anonymous, swap]) => [
    from,
    bytes,
    flags & 15,
    path,
    rss,
    anonymous,
    swap,
  ]);
const isV8s = ([, , flags, path]: RegionRow): boolean => path === -1 && (flags & REGION_FLAG.dontFork) !== 0;
const sum = (regions: readonly RegionRow[]): number => regions.reduce((total, region) => total + region[4], 0);

describe('the sizes are those of smaps', () => {
  test.each(NODE_LINES)('Node %i with 97 MiB of WebAssembly; flags of an earlier reading', async (line) => {
    const pid = await stopped(nodeBinary(line), [RESIDENT, 'wasm'], 'pid');
    const truth = readSmaps(pid);
    const { isGentle, regions, paths, pssBytes } = readMap(pid, rssOf(pid), truth.regions, SMALL_BYTES);
    expect(isGentle).toBe(true);
    expect(sizes(regions)).toEqual(sizes(truth.regions));
    expect(regions.map((region) => region[2])).toEqual(truth.regions.map((region) => region[2]));
    expect(paths).toEqual(truth.paths);
    expect(pssBytes).toBeLessThanOrEqual(rssOf(pid));
  });

  test('shared memory, and a deleted file whose first pages were written', async () => {
    const kinds = ['anonymous', 'memfd', 'sysv', 'shm', 'deleted'];
    const pid = await stopped(program('odd_memory'), kinds, 'ready');
    const { isGentle, regions } = readMap(pid, rssOf(pid), [], SMALL_BYTES);
    expect(isGentle).toBe(true);
    expect(sizes(regions)).toEqual(sizes(readSmaps(pid).regions));
  });
});

test('without an earlier reading V8’s heap and a WebAssembly memory are known by their addresses', async () => {
  const pid = await stopped(nodeBinary(24), [RESIDENT, 'wasm'], 'pid');
  const truth = readSmaps(pid).regions.filter(isV8s);
  const guessed = readMap(pid, rssOf(pid), [], SMALL_BYTES).regions.filter(isV8s);
  // What is missing: the code range, of less than a MiB here.
  expect(sum(guessed)).toBeLessThanOrEqual(sum(truth));
  expect(sum(guessed)).toBeGreaterThan(sum(truth) - (1 << 20));
});

test('smaps is read where no mapping is that large, whatever RSS is', async () => {
  const pid = await stopped(program('odd_memory'), ['memfd', 'shm'], 'ready');
  const { isGentle, regions } = readMap(pid, 2 * MAX_WALK_BYTES);
  expect(isGentle).toBe(false);
  expect(regions).toEqual(readSmaps(pid).regions);
});

test('a process that is gone', () => {
  expect(() => readMap(2 ** 22 - 1, 2 * MAX_WALK_BYTES)).toThrow(/ENOENT/);
});
