/** The sampler for arm64: cross-compiled, and run by qemu-user. Never on hardware. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EVENT_TYPE } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { makeRunDirectory, REPOSITORY, readStores, type Settings, type Store } from './store.ts';

const COMPILER = 'aarch64-linux-gnu-gcc';
const SYSTEM = '/usr/aarch64-linux-gnu';
const NODE = join(REPOSITORY, 'fixtures/node-arm64/node_modules/node-22/bin/node');

const starts = (name: string) => spawnSync(name, ['--version']).status === 0;
const missing = [COMPILER, 'qemu-aarch64'].filter((name) => !starts(name));
if (!existsSync(join(SYSTEM, 'lib/libc.so.6'))) missing.push('libc6-dev-arm64-cross');
if (missing.length > 0) console.warn(`skipped: arm64 needs ${missing.join(', ')} (Debian packages)`);

const copy = mkdtempSync(join(tmpdir(), 'memprof-arm64-'));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Builds it as a user would, in a copy of native/. */
function build(): string {
  cpSync(join(REPOSITORY, 'native/src'), join(copy, 'src'), { recursive: true });
  cpSync(join(REPOSITORY, 'native/build.mjs'), join(copy, 'build.mjs'));
  const run = spawnSync(process.execPath, [join(copy, 'build.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, CC: COMPILER },
  });
  if (run.status !== 0 || run.stderr !== '') throw new Error(run.stderr);
  return join(copy, 'build/linux-arm64-glibc/libmemprof.so');
}

const sampler = missing.length === 0 ? build() : '';
const compiled = (name: string) => (missing.length === 0 ? program(name, [], COMPILER) : '');

/** Runs a program for arm64 under qemu and the sampler. */
function emulate(command: string[], settings: Settings = {}) {
  const directory = makeRunDirectory(settings);
  const environment = ['-E', `LD_PRELOAD=${sampler}`, '-E', `MEMPROF_RUN_DIR=${directory}`];
  const run = spawnSync('qemu-aarch64', ['-L', SYSTEM, ...environment, ...command], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  const stores = readStores(directory);
  rmSync(directory, { recursive: true });
  return { ...run, stores };
}

const allocations = (store: Store | undefined) => store?.events.filter(({ type }) => type === EVENT_TYPE.alloc) ?? [];
const broken = (store: Store | undefined) => store?.counters.broken_stacks;

describe.skipIf(missing.length > 0)('C programs', () => {
  test('known sizes: the estimate holds the truth, and every stack reaches the start', () => {
    const [size, count] = [4099, 4000];
    const run = emulate([compiled('known_truth'), String(size), String(count)], { meanBytes: 65536, seed: 11 });
    const live = run.stores[0]?.live.filter((sample) => sample.size === size) ?? [];
    expect([run.status, run.stderr, broken(run.stores[0])]).toEqual([0, '', 0]);
    const inuse = live.reduce((sum, sample) => sum + sample.weight, 0);
    const variance = run.stores[0]?.sites[live[0]?.site ?? -1]?.bytesVariance ?? 0;
    expect(live.length).toBeGreaterThan(100);
    expect(Math.abs(inuse - size * count)).toBeLessThan(5 * Math.sqrt(variance));
  });

  test('a forked child has a store of its own, also where the kernel only pretends to wipe memory', () => {
    const run = emulate([compiled('processes'), 'fork'], { meanBytes: 1 });
    expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
    const sizes = (store: Store | undefined) => [...new Set(allocations(store).map((event) => event.size))].toSorted();
    expect(sizes(run.stores.find((store) => store.forked === 0))).toEqual([30011, 30029]);
    expect(sizes(run.stores.find((store) => store.forked === 1))).toEqual([30013]);
    expect(run.stores.map(broken)).toEqual([0, 0]);
  });

  test('mappings are followed exactly', () => {
    const run = emulate([compiled('mapping_calls')]);
    const known = run.stores[0]?.mappings.map(
      ({ start, end, committed }) => `${start.toString(16)} ${end.toString(16)} ${committed}`,
    );
    const expected = run.stdout.trim().split('\n');
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(expected.length).toBeGreaterThan(15);
    for (const line of expected) expect(known).toContain(line.replace(/^\w+ /, ''));
  });

  test('threads', () => {
    const run = emulate([compiled('threads'), 'race'], { meanBytes: 65536 });
    expect([run.status, run.stderr, broken(run.stores[0])]).toEqual([0, '', 0]);
    expect(run.stores[0]?.counters.alloc_samples).toBeGreaterThan(50);
  });
});

const SCRIPT = `class KvCache {
  append(bytes) {
    return Buffer.alloc(bytes);
  }
}
const fill = (cache, bytes) => {
  const blocks = [];
  for (let i = 0; i < 40; i++) blocks.push(cache.append(bytes));
  return blocks;
};
globalThis.kept = fill(new KvCache(), 1000003);
console.log('filled');
`;

/** [function, line] of the JavaScript frames of a site, leaf first; its script only. */
function framesOf(store: Store, node: number, script: string): [string, number][] {
  const frames: [string, number][] = [];
  for (let at = node; at !== 0; at = store.nodes[at]?.parent ?? 0) {
    const word = store.nodes[at]?.frame ?? 0n;
    const called = word >> 63n ? store.functions[Number((word >> 32n) & 0x3ffffffn)] : undefined;
    const offset = Number(word & 0xffffffffn) - 1;
    if (called?.script === script) frames.push([called.name, SCRIPT.slice(0, offset).split('\n').length]);
  }
  return frames;
}

const hasNode = existsSync(NODE);
if (!hasNode && missing.length === 0) console.warn('skipped: no Node for arm64: node fixtures/install.mjs node-arm64');

test.skipIf(missing.length > 0 || !hasNode)('Node: mixed stacks to main, with names and lines', () => {
  const script = join(copy, 'script.cjs');
  writeFileSync(script, SCRIPT);
  const run = emulate([NODE, script], { meanBytes: 65536 });
  const store = run.stores[0];
  if (!store) throw new Error(`no store: ${run.stderr}`);
  expect([run.status, run.stdout, run.stderr]).toEqual([0, 'filled\n', '']);
  const sites = new Set(
    allocations(store)
      .filter((event) => event.size === 1000003)
      .map((event) => event.site),
  );
  expect(sites.size).toBeGreaterThan(0);
  for (const site of sites) {
    expect(framesOf(store, store.sites[site]?.node ?? 0, script)).toEqual([
      ['append', 3],
      ['fill', 8],
      ['', 11],
    ]);
  }
  expect(store.counters.alloc_samples).toBeGreaterThan(100);
  expect((broken(store) ?? 0) / (store.counters.alloc_samples ?? 1)).toBeLessThan(0.01);
});

test.skipIf(missing.length > 0)('the library is for arm64, and asks for nothing that glibc 2.28 does not have', () => {
  expect(readFileSync(sampler).readUInt16LE(18)).toBe(183); // e_machine: EM_AARCH64
  const table = spawnSync('aarch64-linux-gnu-objdump', ['-T', sampler], { encoding: 'utf8' });
  const versions = [...table.stdout.matchAll(/\*UND\*.*\(GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]));
  expect(versions.length).toBeGreaterThan(10);
  expect(Math.max(...versions)).toBeLessThanOrEqual(28);
});
