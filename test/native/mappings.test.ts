/** Mappings are exact: after cutting, joining, moving and protecting, the table is what the program says it must be. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { program } from './programs.ts';
import { REPOSITORY, runSampled } from './store.ts';

describe('mmap, munmap, mremap, mprotect', () => {
  const run = runSampled([program('mapping_calls')]);
  const store = run.stores[0];
  if (!store) throw new Error('no store');
  const ours = store.mappings.filter(({ start }) => start >= 0x600000000000n && start < 0x700000000000n);
  const lines = ours
    .toSorted((a, b) => (a.start < b.start ? -1 : 1))
    .map(({ start, end, committed }) => `${start.toString(16)} ${end.toString(16)} ${committed}`);
  const expected = run.stdout
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\w+ /, ''))
    .toSorted();

  test('the program succeeds', () => {
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(expected.length).toBeGreaterThan(15);
  });

  test('every range and its committed bytes', () => {
    expect(lines).toEqual(expected);
  });

  test('events add up to what is committed', () => {
    const sum = (type: number) => store.events.filter((e) => e.type === type).reduce((total, e) => total + e.size, 0);
    const committed = store.mappings.reduce((total, mapping) => total + mapping.committed, 0);
    expect(sum(EVENT_TYPE.commit) - sum(EVENT_TYPE.decommit)).toBe(committed);
    expect(store.committedBytes).toBe(committed);
    const sites = store.sites.filter((site) => site.heap === HEAP.mmap || site.heap === HEAP.file);
    expect(sites.reduce((total, site) => total + site.bytes, 0)).toBe(sum(EVENT_TYPE.commit));
    expect(sites.every((site) => site.bytesVariance === 0)).toBe(true);
  });

  test('a file is told from anonymous memory', () => {
    const file = ours.filter((mapping) => store.sites[mapping.site]?.heap === HEAP.file);
    expect(file.map((mapping) => mapping.committed)).toEqual([8192]);
  });

  test('toggling a protection is no event', () => {
    expect(store.counters.map_events).toBeLessThan(40);
    expect(store.counters.dropped_mappings).toBe(0);
  });
});

const NODES = [20, 22, 24, 26].map((major) => join(REPOSITORY, `fixtures/nodes/node_modules/node-${major}/bin/node`));

test.each([process.execPath, ...NODES].filter((node) => existsSync(node)))(
  'a WebAssembly.Memory counts what it commits, not what it reserves: %s',
  (node) => {
    const code = `const m = new WebAssembly.Memory({ initial: 131, maximum: 60000 }); m.grow(113); process.reallyExit(0)`;
    const store = runSampled([node, '-e', code]).stores[0];
    const wasm = store?.mappings.filter(({ committed }) => committed === 131 * 65536 || committed === 113 * 65536);
    expect(wasm?.map(({ committed }) => committed / 65536).toSorted()).toEqual([113, 131]);
    expect(store?.committedBytes).toBeLessThan(1e9);
  },
);
