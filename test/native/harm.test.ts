/** Whatever happens to the program or to the store, the program goes on as it would alone. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { EVENT_TYPE, TAG_KIND, WIRE_MAGIC } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { makeRunDirectory, readRefusals, readStores, runSampled, SAMPLER } from './store.ts';

const directories: string[] = [];
function runDirectory(settings: Parameters<typeof makeRunDirectory>[0], parent?: string): string {
  const directory = makeRunDirectory(settings, parent);
  directories.push(directory);
  return directory;
}
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const ROOT = process.getuid?.() === 0;

test('killed at whatever instruction, the store can be read', async () => {
  for (let round = 0; round < 15; round++) {
    const directory = runDirectory({ meanBytes: 2048, seed: round + 1 });
    const child = spawn(program('loops'), ['3'], {
      env: { ...process.env, MEMPROF_RUN_DIR: directory, LD_PRELOAD: SAMPLER },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    expect(String(first)).toBe('ready\n'); // not an exit status
    while (!((readStores(directory)[0]?.counters.alloc_samples ?? 0) > 0)) await sleep(1);
    await sleep(1 + ((round * 7) % 40));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [store] = readStores(directory);
    if (!store) throw new Error('no store');
    expect(store.magic).toBe(WIRE_MAGIC);
    expect(store.counters.alloc_samples).toBeGreaterThan(0);
    // Records below `used` are complete: every index leads to one, every path ends at the root.
    for (const [i, node] of store.nodes.entries()) {
      if (i === 0) continue;
      expect(node.parent).toBeLessThan(i);
      expect(node.depth).toBe((store.nodes[node.parent]?.depth ?? 0) + 1);
    }
    for (const site of store.sites) expect(site.node).toBeLessThan(store.nodes.length);
    for (const [i, tag] of store.tags.entries()) {
      if (i === 0) continue;
      expect(tag.kind).toBeGreaterThan(0);
      // What a tag is made of is older than it, and has a name.
      for (const part of [tag.parent, tag.stage, tag.labels]) expect(part).toBeLessThan(i);
      if (tag.kind !== TAG_KIND.arena && tag.kind !== TAG_KIND.context) expect(tag.name).toMatch(/^(pool|n=\d+)$/);
    }
    for (const site of store.sites) expect(site.tag).toBeLessThan(Math.max(1, store.tags.length));
    for (const live of store.live) expect(live.site).toBeLessThan(store.sites.length);
    for (const event of store.events) expect(event.site).toBeLessThan(store.sites.length);
    // Three threads were in the middle of something, no more.
    const inFlight = store.counters.alloc_samples ?? 0;
    expect(Math.abs(inFlight - (store.counters.free_samples ?? 0) - store.live.length)).toBeLessThanOrEqual(6);
  }
});

describe('no room for a store', () => {
  const command = [program('known_truth'), '1009', '20000'];
  const shell = (limit: string) => ['/bin/sh', '-c', `${limit}; exec "$@"`, 'sh', ...command];

  test('ulimit -f, too small: the program runs unprofiled, and the refusal is counted', () => {
    const directory = runDirectory({});
    const run = runSampled(shell('ulimit -f 100'), { directory });
    expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
    expect(run.stores.some((store) => store.comm === 'known_truth')).toBe(false);
    expect(readRefusals(directory).file_size).toBe(1);
  });

  test('ulimit -f, larger: a smaller store', () => {
    const directory = runDirectory({});
    const run = runSampled(shell('ulimit -f 20000'), { directory });
    expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
    const store = run.stores.find((candidate) => candidate.comm === 'known_truth');
    expect(store?.counters.alloc_samples).toBeGreaterThan(100);
    expect(statSync(store?.file ?? '').size).toBeLessThan(20000 * 1024);
  });

  test('ulimit -v: no memory for the mapping', () => {
    // Enough for the loader, whose own message ends the smallest ones, and not for us.
    const refused = [7500, 8000, 8500, 9000].map((limitKib) => {
      const directory = runDirectory({});
      const run = runSampled(shell(`ulimit -v ${limitKib}`), { directory });
      expect(run.signal).toBeNull();
      return run.status === 0 && run.stderr === '' ? readRefusals(directory).memory : 0;
    });
    expect(refused).toContain(1);
  });

  test.each(['ulimit -v', 'ulimit -d'])(
    '%s: we take a sixteenth at most, and the program gets what it gets alone',
    (limit) => {
      // 85 % of what is allowed, in one block: with 80 MB of ours beside it there was no room for that.
      const directory = runDirectory({ meanBytes: 1024 });
      const most = [
        '/bin/sh',
        '-c',
        `${limit} 150000; exec "$@"`,
        'sh',
        program('known_truth'),
        '130000000',
        '1',
        '1009',
        '5000',
      ];
      const run = runSampled(most, { directory });
      expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
      const store = run.stores.find((candidate) => candidate.comm === 'known_truth');
      expect(store?.live.map(({ size }) => size)).toContain(130_000_000);
      expect(store?.live.length).toBeGreaterThan(1000);
      expect(store?.counters).toMatchObject({ dropped_live: 0, dropped_sites: 0, dropped_growth: 0 });
    },
  );

  test.skipIf(!ROOT)('a run directory of somebody else (needs root to become another user)', () => {
    const directory = runDirectory({});
    chmodSync(directory, 0o755);
    chmodSync(join(directory, 'control'), 0o666);
    const run = runSampled(['/bin/sh', '-c', 'exec setpriv --reuid 65534 --clear-groups "$@"', 'sh', ...command], {
      directory,
    });
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(run.stores.some((store) => store.comm === 'known_truth')).toBe(false);
    expect(readRefusals(directory).store_create).toBe(1);
  });

  test('a tmpfs that fills up', ({ skip }) => {
    const mount = mkdtempSync(join(tmpdir(), 'memprof-tmpfs-'));
    directories.push(mount);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'memprof-test', mount]);
    if (mounted.status !== 0) skip('cannot mount a small tmpfs here (needs root)');
    try {
      const directory = makeRunDirectory({ meanBytes: 64 }, mount);
      const run = runSampled([program('known_truth'), '1009', '100000'], { directory });
      expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
      const [store] = readStores(directory);
      expect(store?.counters.dropped_growth).toBeGreaterThan(0);
      expect(store?.counters.alloc_samples).toBeGreaterThan(1000);
      // And one that has no room even for a header.
      spawnSync('sh', ['-c', `cat /dev/zero > ${mount}/filler`]);
      const late = runSampled(command, { directory });
      expect([late.status, late.signal, late.stderr]).toEqual([0, null, '']);
      expect(readRefusals(directory).no_space).toBe(1);
    } finally {
      spawnSync('umount', [mount]);
    }
  });
});

test('a sandbox that kills on file calls', () => {
  const run = runSampled([program('sandbox')], { meanBytes: 1 });
  expect([run.status, run.signal]).toEqual([0, null]);
  expect(run.stores).toHaveLength(1); // the forked child stays out
  expect(run.stores[0]?.counters.alloc_samples).toBeGreaterThan(2000);
});

test.each([
  { stack: 'an alternate stack', args: [] },
  { stack: 'the stack of what it interrupts', args: ['here'] },
])('a signal handler that allocates inside our own code, on $stack', ({ args }) => {
  const bump = program('bump_malloc', ['-shared', '-fPIC']);
  const run = runSampled([program('handlers'), ...args], { meanBytes: 1, preload: [bump] });
  expect([run.status, run.signal, run.stdout]).toEqual([0, null, '2000\n']);
  const store = run.stores[0];
  const handled = store?.counters.dropped_nested ?? 0;
  expect(handled).toBeGreaterThan(0);
  expect(store?.counters.alloc_samples).toBeGreaterThan(10_000);
  expect(store?.live.length).toBeLessThan(handled + 10);
});

test('signal handlers that leave our own code by siglongjmp: the thread is sampled as before', () => {
  const bump = program('bump_malloc', ['-shared', '-fPIC']);
  const run = runSampled([program('leaving_handlers')], { meanBytes: 1, preload: [bump] });
  expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, '1000\n', '']);
  const [store] = run.stores;
  expect(store?.live.filter(({ size }) => size === 17023)).toHaveLength(1000);
  expect(store?.counters.alloc_samples).toBeGreaterThan(2000);
  expect(store?.counters.dropped_live).toBe(0);
});

test('deep recursion is cut at the root end and says so; fibers are walked to theirs', () => {
  const run = runSampled([program('recursion')], { meanBytes: 1 });
  expect([run.status, run.stdout]).toEqual([0, `${50001 + 252 + 101}\n`]);
  const store = run.stores[0];
  const deep = store?.events.filter((event) => event.type === EVENT_TYPE.alloc && event.size === 40009) ?? [];
  const depths = deep.map((event) => store?.nodes[store.sites[event.site]?.node ?? 0]?.depth);
  expect(depths).toEqual([255, 255, 101 + 4]);
  expect(store?.counters.truncated_stacks).toBe(2);
  expect(store?.events.filter((event) => event.type === EVENT_TYPE.alloc && event.size === 40013)).toHaveLength(50);
  expect(store?.events.filter((event) => event.type === EVENT_TYPE.alloc && event.size === 40031)).toHaveLength(80);
  expect(store?.counters.broken_stacks).toBe(0);
});

test('addresses that dlclose gave to another library', () => {
  const a = program('plugin', ['-shared', '-fPIC', '-DBYTES=60013']);
  const b = program('plugin', ['-shared', '-fPIC', '-DBYTES=60017']);
  const run = runSampled([program('plugins'), a, b], { meanBytes: 1 });
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(Number(run.stdout)).toBeGreaterThan(0); // addresses were reused, or this test proves nothing
  const store = run.stores[0];
  expect(store?.generation).toBe(40);
  for (const [size, path] of [
    [60013, a],
    [60017, b],
  ] as const) {
    const paths = store?.live
      .filter((live) => live.size === size)
      .map((live) => {
        const frame = store.nodes[store.sites[live.site]?.node ?? 0]?.frame ?? 0n;
        const [address, generation] = [frame & ((1n << 48n) - 1n), Number((frame >> 48n) & 0x3fffn)];
        const at = store.modules.filter((module) => module.start <= address && address < module.end);
        return at.filter((module) => module.generation <= generation).at(-1)?.path;
      });
    expect(paths).toHaveLength(20);
    expect(new Set(paths)).toEqual(new Set([path]));
  }
});

test('operators new and delete of a plugin that was unloaded since', () => {
  const plugin = program('pool_plugin', ['-shared', '-fPIC']);
  for (const settings of [{ meanBytes: 1 }, { env: { MEMPROF_RUN_DIR: '' } }]) {
    const run = runSampled([program('pool_plugins'), plugin], settings);
    expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, '5\n', '']);
  }
});

test('core files hold nothing of ours', () => {
  const run = runSampled(['cat', '/proc/self/smaps']);
  const mappings = run.stdout.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const flags = (which: (mapping: string) => boolean) =>
    mappings.filter(which).map((mapping) => /^VmFlags:.* dd( |$)/m.test(mapping));
  expect(flags((mapping) => mapping.includes('.store\n'))).toEqual([true]);
  expect(flags((mapping) => /^Size: +40960 kB$/m.test(mapping))).toEqual([true]);
});

test('huge pages from hugetlbfs: no arena ids, no crash', () => {
  const env = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=2' };
  const run = runSampled([program('threads'), 'arenas'], { meanBytes: 1, env });
  expect(run.status).toBe(0);
  expect(new Set(run.stores[0]?.sites.filter((site) => site.heap === 1).map((site) => site.arena))).toEqual(
    new Set([(1n << 64n) - 1n]),
  );
});

test('a run directory that disappears while the program runs', () => {
  const directory = runDirectory({ meanBytes: 1 });
  const run = spawnSync('/bin/sh', ['-c', `rm -rf ${directory}; ls / >/dev/null; (echo $(ls /) >/dev/null); true`], {
    encoding: 'utf8',
    env: { ...process.env, MEMPROF_RUN_DIR: directory, LD_PRELOAD: SAMPLER },
  });
  expect([run.status, run.signal, run.stderr]).toEqual([0, null, '']);
});

test('a kernel that knows neither MADV_POPULATE_WRITE nor MADV_WIPEONFORK', () => {
  const run = runSampled([program('old_kernel'), program('processes'), 'fork'], { meanBytes: 1 });
  expect([run.status, run.stderr]).toEqual([0, '']);
  const blocks = (forked: number, size: number) =>
    run.stores
      .filter((store) => store.comm === 'processes' && store.forked === forked)
      .flatMap((store) => store.events.filter((event) => event.type === EVENT_TYPE.alloc && event.size === size))
      .length;
  expect([blocks(0, 30011), blocks(0, 30013), blocks(0, 30029), blocks(1, 30013)]).toEqual([100, 0, 100, 100]);
});

test('threads that die inside our own code, holding our locks, stop nobody', () => {
  const bump = program('bump_malloc', ['-shared', '-fPIC']);
  const startedAt = Date.now();
  const run = runSampled([program('dying_threads')], { meanBytes: 1, preload: [bump] });
  expect([run.status, run.signal, run.stdout]).toEqual([0, null, '300\n']);
  expect(Date.now() - startedAt).toBeLessThan(45_000);
  expect(run.stores[0]?.counters.alloc_samples).toBeGreaterThan(1000);
});

test('a range that is unmapped twice, the middle first: nothing of ours was in the hole', () => {
  const run = runSampled([program('holes')], { meanBytes: 1 });
  expect([run.status, run.signal, run.stdout]).toEqual([0, null, '3\n']);
  expect(run.stores.map((store) => store.forked).toSorted()).toEqual([0, 1]);
  expect(run.stores[0]?.counters.alloc_samples).toBeGreaterThan(30_000);
});

test('a program that writes over the store, its header and its records, goes on as it would alone', () => {
  const run = runSampled([program('scribbles'), '40'], { meanBytes: 32 });
  expect([run.signal, run.status, run.stdout, run.stderr]).toEqual([null, 42, 'done\n', '']);
  expect(run.stores.length).toBe(40); // of the children
  for (const store of run.stores) expect(store.counters.alloc_samples).toBeGreaterThan(100);
});
