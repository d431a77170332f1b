/** What the sampler costs the program in memory: bounded, and told in the store's header. */
import { expect, test } from 'vitest';
import { program } from './programs.ts';
import { runSampled } from './store.ts';

const MIB = 2 ** 20;

/** A run that holds `blocks` sampled blocks, and what was resident in its sampler's mappings at its end, in bytes. */
function holding(blocks: number) {
  // Twice: the tables that were outgrown on the way, and those for slots that are used again, belong to it.
  const run = runSampled([program('footprint'), String(blocks), '2'], { meanBytes: 1 });
  expect([run.status, run.stderr]).toEqual([0, '']);
  const [store] = run.stores;
  if (store === undefined) throw new Error('no store');
  const { store: file, library, anonymous } = JSON.parse(run.stdout) as Record<string, number>;
  expect(file).toBeGreaterThan(0);
  expect(anonymous).toBeGreaterThan(0);
  return { store, residentBytes: (file ?? 0) + (library ?? 0) + (anonymous ?? 0) };
}

test('100,000 live samples fit into 16 MiB, the header tells no less than is there, and not much more', () => {
  const { store, residentBytes } = holding(100_000);
  expect(store.live.length).toBeGreaterThanOrEqual(100_000);
  expect(residentBytes).toBeLessThan(16 * MIB);
  expect(store.ownBytes).toBeGreaterThanOrEqual(residentBytes);
  expect(store.ownBytes).toBeLessThan(16 * MIB);
});

test('a program with few samples does not pay for the tables of many', () => {
  const { store, residentBytes } = holding(100);
  expect(residentBytes).toBeLessThan(MIB);
  expect(store.ownBytes).toBeGreaterThanOrEqual(residentBytes);
  expect(store.ownBytes).toBeLessThan(residentBytes + 2 * MIB);
});
