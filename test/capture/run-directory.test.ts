import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeRunDirectory, sweepStaleRunDirectories } from '../../src/capture/run-directory.ts';
import { MemprofError } from '../../src/errors.ts';
import { CONTROL, CONTROL_MAGIC, CONTROL_NO_V8, CONTROL_V8_EXACT } from '../../src/recording/wire.ts';
import { scratch } from '../cli/run-cli.ts';

const SETTINGS = {
  native: true,
  v8: false,
  sampleBytes: 65_521,
  v8IntervalBytes: 524_287,
  exact: true,
  asyncLabels: false,
  maxSamplesPerSecond: 997,
};

const NAMESPACE = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 'none';

test('a private folder with the control page of native/src/wire.h', () => {
  const parent = scratch();
  const run = makeRunDirectory(SETTINGS, ['/proc/nope', parent]);
  expect(run.path.startsWith(join(parent, `memprof-${NAMESPACE}-${process.pid}-`))).toBe(true);
  expect(statSync(run.path).mode & 0o777).toBe(0o700);
  const page = readFileSync(join(run.path, 'control'));
  expect(page.length).toBe(4096);
  expect(page.readBigUInt64LE(CONTROL.magic)).toBe(CONTROL_MAGIC);
  expect(page.readUInt32LE(CONTROL.version)).toBe(2);
  expect(page.readUInt32LE(CONTROL.flags)).toBe(CONTROL_NO_V8 | CONTROL_V8_EXACT);
  expect(page.readBigUInt64LE(CONTROL.meanBytes)).toBe(65_521n);
  expect(page.readBigUInt64LE(CONTROL.v8IntervalBytes)).toBe(524_287n);
  expect(page.readBigUInt64LE(CONTROL.maxSamplesPerSecond)).toBe(997n);
  run.remove();
  expect(existsSync(run.path)).toBe(false);
});

test('MEMPROF_SEED is the seed of all threads, if it is a number', () => {
  const seedOf = (text: string): bigint => {
    vi.stubEnv('MEMPROF_SEED', text);
    const run = makeRunDirectory(SETTINGS, [scratch()]);
    const page = readFileSync(join(run.path, 'control'));
    run.remove();
    vi.unstubAllEnvs();
    return page.readBigUInt64LE(CONTROL.seed);
  };
  expect(['7919', '', '-1', 'now'].map(seedOf)).toEqual([7919n, 0n, 0n, 0n]);
});

test('a request is a new number, with its reason', () => {
  const run = makeRunDirectory(SETTINGS, [scratch()]);
  const words = (): bigint[] => {
    const page = readFileSync(join(run.path, 'control'));
    return [page.readBigUInt64LE(CONTROL.snapshotRequest), page.readBigUInt64LE(CONTROL.snapshotReason)];
  };
  expect(words()).toEqual([0n, 0n]);
  run.requestV8Profile('demand');
  expect(words()).toEqual([1n, 2n]);
  run.requestV8Profile('peak');
  expect(words()).toEqual([2n, 3n]);
  run.remove();
});

test('refusals of samplers are counted by name', () => {
  const run = makeRunDirectory(SETTINGS, [scratch()]);
  expect(run.refusals()).toEqual({});
  const page = readFileSync(join(run.path, 'control'));
  page.writeBigUInt64LE(3n, CONTROL.refusals + 8);
  writeFileSync(join(run.path, 'control'), page);
  expect(run.refusals()).toEqual({ file_size: 3 });
  run.remove();
});

test('no candidate at all is one error with a hint', () => {
  expect(() => makeRunDirectory(SETTINGS, ['/proc/nope'])).toThrow(MemprofError);
  expect(() => makeRunDirectory(SETTINGS, ['/proc/nope'])).toThrow(/tried \/proc\/nope/);
});

test('only directories of the dead are swept', () => {
  const parent = scratch();
  const make = (owner: number, store: number, namespace = NAMESPACE): string => {
    const path = join(parent, `memprof-${namespace}-${owner}-abcdef`);
    mkdirSync(path);
    writeFileSync(join(path, `${store}.0.store`), '');
    return path;
  };
  const isAlive = (pid: number): boolean => pid < 100;
  const [owned, used, stale] = [make(11, 900), make(901, 12), make(902, 903)];
  // Of a container that shares /dev/shm: its pids mean nothing here.
  const foreign = make(904, 905, '4026531999');
  mkdirSync(join(parent, 'memprof-notes'));
  expect(sweepStaleRunDirectories(isAlive, [parent])).toEqual([stale]);
  const left = [owned, used, foreign, join(parent, 'memprof-notes')];
  expect(left.filter((path) => !existsSync(path))).toEqual([]);
  expect(existsSync(stale)).toBe(false);
});
