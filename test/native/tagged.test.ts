/** memprof.h: what native libraries say of their memory is what the store has; every block is sampled. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPE, HEAP, TAG_KIND, TAG_SOURCES } from '../../src/recording/wire.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { fixture, NODE_LINES, nodeBinary } from './helpers/js-probe.ts';
import { program } from './programs.ts';
import { REPOSITORY, runSampled, type Store } from './store.ts';

const C = TAG_SOURCES.indexOf('c');

/** What a tag says, as a text: `kv-cache#1 prefill`. */
function say({ tags }: Store, tag: number): string {
  const record = tags[tag];
  if (record?.kind === TAG_KIND.arena) return `${say({ tags } as Store, record.parent)}#${record.ordinal}`;
  if (record?.kind !== TAG_KIND.context) return record?.name ?? '?';
  const parts = [record.parent, record.stage, record.labels].filter((part) => part !== 0);
  return parts.map((part) => say({ tags } as Store, part)).join(' ');
}

/** Blocks of a size that were allocated, by what they are tagged with; the event and its site agree. */
function blocksOf(store: Store | undefined, size: number, type: number = EVENT_TYPE.alloc): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of store?.events ?? []) {
    if (store === undefined || event.type !== type || event.size !== size) continue;
    const site = store.sites[event.site];
    if (type === EVENT_TYPE.alloc) expect([site?.tag, site?.tagSource]).toEqual([event.tag, event.tag === 0 ? 0 : C]);
    const text = say(store, event.tag);
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
}

function runTagged(way: string, ...rest: string[]) {
  const run = runSampled([program('tagged'), way, ...rest], { meanBytes: 1 });
  const plain = spawnSync(program('tagged'), [way, ...rest], { encoding: 'utf8' });
  expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([plain.status, plain.signal, plain.stdout, '']);
  return { ...run, store: run.stores[0] };
}

const tagNamed = (store: Store | undefined, name: string) => store?.tags.find((tag) => tag.name === name);

test('each block has the arena, the stage and the labels that were pushed when it was allocated', () => {
  const { store } = runTagged('known');
  expect(blocksOf(store, 100_003)).toEqual({ 'kv-cache#1': 4 });
  expect(blocksOf(store, 100_019)).toEqual({ 'kv-cache#1 prefill': 3 });
  expect(blocksOf(store, 100_129)).toEqual({ 'kv-cache#1 prefill tenant=acme': 1 });
  expect(blocksOf(store, 100_043)).toEqual({ 'kv-cache#2': 2 });
  expect(blocksOf(store, 100_049)).toEqual({ '': 1 });
  expect(blocksOf(store, 100_057)).toEqual({ 'weights#1': 5, 'weights#2': 5, 'weights#3': 5, 'weights#4': 5 });
  expect(blocksOf(store, 100_069)).toEqual({ '': 4 });
  expect(blocksOf(store, 40 * 4096, EVENT_TYPE.commit)).toEqual({ 'kv-cache#1': 1 });
  // Given back while another arena was current.
  expect(blocksOf(store, 100_003, EVENT_TYPE.free)).toEqual({ 'kv-cache#2': 1 });
  expect(blocksOf(store, 8 * 4096, EVENT_TYPE.decommit)).toEqual({ 'kv-cache#2': 1 });
  expect(tagNamed(store, 'kv-cache')).toMatchObject({ budgetBytes: 5_000_011, counters: [11, 7, 0, 0], ordinal: 2 });
  const released = store?.tags.filter((tag) => tag.releasedNs > 0n).map((tag) => tag.ordinal);
  expect(released).toEqual([2]);
});

test('what a library names while it is loaded counts', () => {
  const early = program('tagged_early', ['-shared', '-fPIC']);
  const { stores } = runSampled([program('tagged'), 'none'], { meanBytes: 1, preload: [early] });
  expect(blocksOf(stores[0], 100_207)).toEqual({ 'early#1': 1 });
});

test('1,000 arenas within each other are the innermost one, and cost no room', () => {
  const { store } = runTagged('deep');
  expect(blocksOf(store, 100_003)).toEqual({ 'kv-cache#1': 1 });
  expect(blocksOf(store, 100_019)).toEqual({ 'kv-cache#1': 1 });
  expect(blocksOf(store, 100_043)).toEqual({ '': 1 });
  expect(store?.tags).toHaveLength(5);
});

test('contexts that were made before are taken for no others', () => {
  const contexts = ['prefill', 'decode'].flatMap((stage) =>
    Array.from({ length: 21 }, (_, i) => [`kv-cache#${i + 1} ${stage}`, 1]),
  );
  expect(blocksOf(runTagged('many').store, 100_003)).toEqual(Object.fromEntries(contexts));
});

test('names are replaced where they are none, and cut', () => {
  const { store } = runTagged('names');
  const names = Object.keys(blocksOf(store, 100_003));
  const expected = ['tab_here#1', '_[31mred#1', 'bad__#1', '(unnamed)#1', '(unnamed)#2'];
  expect(names).toEqual([...expected, `${'z'.repeat(128)}#1`]);
});

test('of a million arenas those without a record carry their pool, and are counted', () => {
  const { store } = runTagged('million');
  expect(blocksOf(store, 100_003)).toEqual({ 'requests decode': 1 });
  const arenas = store?.tags.filter((tag) => tag.kind === TAG_KIND.arena).length ?? 0;
  expect(tagNamed(store, 'requests')).toMatchObject({ ordinal: 1_000_000, folded: 1_000_000 - arenas });
  expect(arenas).toBeGreaterThan(57_000);
});

test('misuse is counted or ignored', () => {
  const { store } = runTagged('misuse');
  expect([100_003, 100_019, 100_043, 100_049, 100_057].map((size) => blocksOf(store, size))).toEqual([
    { '': 1 },
    { 'kv-cache#1': 1 },
    // What was popped was never a tag.
    { '': 1 },
    { 'kv-cache#1': 1 },
    { '': 1 },
  ]);
  expect(store?.tags.find((tag) => tag.ordinal === 1)?.counters).toEqual([0, 0, 1, 1]);
  expect(tagNamed(store, 'kv-cache')?.releasedNs).toBe(0n);
});

test('a forked child keeps its tags, and its parent numbers arenas on its own', () => {
  const { stores } = runTagged('fork');
  const [parent, child] = [stores.find((store) => store.forked === 0), stores.find((store) => store.forked === 1)];
  expect(blocksOf(parent, 100_049)).toEqual({ 'kv-cache#1': 1 });
  expect(blocksOf(child, 100_003)).toEqual({ 'kv-cache#1': 1 });
  expect(blocksOf(child, 100_019)).toEqual({ 'kv-cache#2': 1 });
  expect(blocksOf(child, 100_043)).toEqual({ 'kv-cache#2 decode': 1 });
  const hits = [parent, child].map((store) => store?.tags.find((tag) => tag.ordinal === 1 && tag.name === ''));
  expect(hits.map((tag) => tag?.counters[0])).toEqual([3, 0]);
});

test('after SIGKILL the table is what it was', () => {
  const { store, signal } = runTagged('known', 'kill');
  expect(signal).toBe('SIGKILL');
  expect(blocksOf(store, 100_019)).toEqual({ 'kv-cache#1 prefill': 3 });
});

describe('a heap of the program', () => {
  const { store } = runTagged('heap');
  const heapOf = (name: string) => store?.tags.findIndex((tag) => tag.kind === TAG_KIND.heap && tag.name === name);
  const liveOf = (heap: number | undefined) =>
    (store?.live ?? []).filter((live) => {
      const site = store?.sites[live.site];
      return site?.heap === HEAP.custom && Number(site.arena) === heap;
    });

  test('has its own blocks, in the arena that was current', () => {
    const sizes = liveOf(heapOf('slab')).map((live) => live.size);
    expect(sizes.sort((a, b) => a - b)).toEqual([50_021, 90_001, 90_001, 90_001, 90_001, 90_001, 90_001]);
    expect(blocksOf(store, 90_001)).toEqual({ 'kv-cache#1': 10 });
    expect(blocksOf(store, 90_001, EVENT_TYPE.free)).toEqual({ 'kv-cache#1': 4 });
  });

  test('takes what it is made of out of malloc and the mappings', () => {
    expect(store?.live.filter((live) => live.size > 1_000_000)).toEqual([]);
    expect(store?.mappings.map((mapping) => mapping.committed)).toEqual([16 * 4096]);
    const backed = store?.sites.filter((site) => site.heap === HEAP.malloc && site.bytes > 900_000) ?? [];
    expect(backed).toEqual([]);
  });

  test('forgets all its blocks at once', () => {
    expect(blocksOf(store, 10_007)).toEqual({ 'kv-cache#2': 10 });
    expect(liveOf(heapOf('scratch'))).toEqual([]);
  });

  test('is none where the number is none', () => {
    for (const size of [50_023, 50_033]) expect(blocksOf(store, size)).toEqual({});
  });
});

test('C++: scopes end with blocks and exceptions, arenas with their lives', () => {
  const { stores, stdout, status } = runSampled([program('tagged_cxx')], { meanBytes: 1 });
  expect([status, stdout]).toEqual([0, '4 blocks\n']);
  const [store] = stores;
  expect(blocksOf(store, 100_003)).toEqual({ 'kv-cache#1 decode': 1 });
  expect(blocksOf(store, 100_019)).toEqual({ '': 1 });
  expect(blocksOf(store, 100_043)).toEqual({ 'kv-cache#2': 1 });
  expect(blocksOf(store, 100_049)).toEqual({ '': 1 });
  const arenas = store?.tags.filter((tag) => tag.kind === TAG_KIND.arena) ?? [];
  expect(arenas.map(({ releasedNs, counters }) => [releasedNs > 0n, counters[2]])).toEqual(Array(3).fill([true, 0]));
  expect(tagNamed(store, 'kv-cache')?.counters).toEqual([1, 2, 0, 0]);
  expect(store?.live.filter((live) => live.size === 503 || live.size === 101).map((live) => live.size)).toEqual([503]);
});

describe.each(NODE_LINES)('an addon in Node %i', (line) => {
  test('its bytes are in its arenas, on the main thread, in a worker and on the threads of the pool', () => {
    const addon = program('tagged_addon', ['-shared', '-fPIC']);
    const command = [nodeBinary(line), fixture('tagged-addon.cjs'), addon];
    const { status, stderr, stores } = runSampled(command);
    expect([status, stderr]).toEqual([0, '']);
    expect(Object.values(blocksOf(stores[0], 2_000_003))).toEqual([3, 3]);
    expect(Object.values(blocksOf(stores[0], 2_000_081))).toEqual(Array(8).fill(2));
    expect(tagNamed(stores[0], 'tensors')?.ordinal).toBe(10);
  });
});

describe('the example of docs/how-to/tag-a-native-library.md', () => {
  const page = readFileSync(join(REPOSITORY, 'docs/how-to/tag-a-native-library.md'), 'utf8');
  const blocks = [...page.matchAll(/```(c|cpp)\n(.*?)```/gs)].map(([, language, code]) => ({ language, code }));
  const root = temporaryDirectory('how-to');

  /** Compiles a block with a main around it, and runs it under the sampler. */
  function runBlock(index: number, main: string): Store | undefined {
    const { language, code } = blocks[index] ?? {};
    const file = join(root, `example${index}.${language === 'cpp' ? 'cc' : 'c'}`);
    writeFileSync(file, `${code}\nint main(void) { ${main} return 0; }\n`);
    const binary = join(root, `example${index}`);
    const args = ['-O1', '-fno-builtin', '-Wall', '-Wextra', '-Werror', `-I${join(REPOSITORY, 'native/include')}`];
    const built = spawnSync(language === 'cpp' ? 'c++' : 'cc', [...args, '-o', binary, file], { encoding: 'utf8' });
    expect([built.status, built.stderr]).toEqual([0, '']);
    const { status, stores } = runSampled([binary], { meanBytes: 1 });
    expect(status).toBe(0);
    return stores[0];
  }

  test('arenas in C', () => {
    const store = runBlock(0, 'struct session *s = session_new(25013); session_free(s); session_new(25031);');
    expect(blocksOf(store, 4 * 25_013)).toEqual({ 'kv-cache#1': 1 });
    expect(blocksOf(store, 4 * 25_031)).toEqual({ 'kv-cache#2': 1 });
    expect(store?.tags.filter((tag) => tag.releasedNs > 0n).map((tag) => tag.ordinal)).toEqual([1]);
  });

  test('arenas in C++', () => {
    const store = runBlock(1, 'session s; s.fill(25013);');
    expect(blocksOf(store, 4 * 25_013)).toEqual({ 'kv-cache#1 prefill': 1 });
  });

  test('an allocator', () => {
    const store = runBlock(2, 'scratch_alloc(25013); scratch_reset(); scratch_alloc(25031);');
    const rounded = (bytes: number) => Math.ceil(bytes / 64) * 64;
    expect(blocksOf(store, rounded(25_013), EVENT_TYPE.free)).toEqual({ '': 1 });
    const live = store?.live.map(({ size, site }) => [size, store.sites[site]?.heap]) ?? [];
    expect(live.filter(([size = 0]) => size > 10_000)).toEqual([[rounded(25_031), HEAP.custom]]);
  });
});

describe('the header', () => {
  const root = temporaryDirectory('header');
  const include = `-I${join(REPOSITORY, 'native/include')}`;
  const strict = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only', include];

  test.each([
    ['cc', 'c', '-std=c99'],
    ['cc', 'c', '-std=c17'],
    ['c++', 'cc', '-std=c++11'],
    ['c++', 'cc', '-std=c++20'],
  ])('%s compiles it without a warning: %s %s', (compiler, ending, standard) => {
    const file = join(root, `use.${ending}`);
    writeFileSync(
      file,
      '#include "memprof.h"\n#include "memprof.h"\nint main(void) { return (int)memprof_push(0); }\n',
    );
    const { status, stderr } = spawnSync(compiler, [...strict, standard, file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  test('is found as the page says', () => {
    const script = "require('path').dirname(require.resolve('memprof/native/include/memprof.h'))";
    const { stdout, stderr } = spawnSync(process.execPath, ['-p', script], { cwd: REPOSITORY, encoding: 'utf8' });
    expect([stdout.trim(), stderr]).toEqual([join(REPOSITORY, 'native/include'), '']);
    const page = readFileSync(join(REPOSITORY, 'docs/how-to/tag-a-native-library.md'), 'utf8');
    expect(page).toContain(script);
  });

  test('where no profiler can be, it is nothing', () => {
    const file = join(root, 'elsewhere.c');
    writeFileSync(file, '#include "memprof.h"\nint use(void) { memprof_pop(1); return (int)memprof_arena(7); }\n');
    const { stdout } = spawnSync('cc', ['-O2', '-S', '-U__ELF__', include, '-o', '-', file], { encoding: 'utf8' });
    expect(stdout).toContain('use:');
    expect(stdout).not.toMatch(/memprof_v1|call/);
  });
});
