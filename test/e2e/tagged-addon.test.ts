/** A native library knows its arenas, and who calls it knows the stage and the tenant: samples have both. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scratch } from '../cli/run-cli.ts';
import { program } from '../native/programs.ts';
import { FIXTURES, NODES, profileOf } from './helpers.ts';

it.each(NODES)('on Node $major', { timeout: 180_000 }, async ({ path }) => {
  const addon = program('tagged_addon', ['-shared', '-fPIC']);
  const command = [path, join(FIXTURES, 'js/stage-around-addon.mjs'), addon];
  const { profile, stderr } = await profileOf(join(scratch(), 'out'), command);
  const places = profile.samples
    .filter(({ labels, values }) => labels.pool === 'tensors' && values[3] > 1_000_000)
    .map(
      ({ labels, values }) => `${labels.stage} ${labels.label} ${labels.arena_source} ${Math.round(values[3] / 1000)}`,
    );
  expect(places.sort(), stderr).toEqual([
    'prefill tenant=acme c 4000',
    'prefill tenant=acme c 4000',
    'undefined undefined c 4000',
  ]);
  // The arena that the call was in is not the library's.
  expect(profile.samples.filter(({ labels, values }) => labels.pool === 'outer' && values[3] > 1e6)).toEqual([]);
});
