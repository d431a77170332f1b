import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { frameReader, placeOf } from '../../src/model/frames.ts';
import type { Profile } from '../../src/model/profile.ts';
import { findProblems } from '../../src/model/validate.ts';
import type { Symbols } from '../../src/recording/chunks.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const recordings = fileURLToPath(new URL('../../fixtures/recordings', import.meta.url));
const root = temporaryDirectory('golden');

/** A profile as people compare it: one paragraph per sample, the largest first. */
function print(profile: Profile): string {
  const frames = frameReader(profile);
  const samples = [...profile.samples].sort((a, b) => b.values[3] - a.values[3] || b.values[1] - a.values[1]);
  const lines = samples.map((sample) => {
    const { pid, tier, arena_source, ...labels } = sample.labels;
    const values = sample.values.map((value) => Math.round(value)).join(' ');
    const deviations = sample.variances.map((variance) => Math.round(Math.sqrt(variance))).join(' ');
    const stack = frames(sample).map((frame) => `    ${frame.name} ${placeOf(frame)}`);
    return [`${values} ± ${deviations} (${sample.observations}) ${Object.values(labels).join(' ')}`, ...stack].join(
      '\n',
    );
  });
  const [process] = profile.processes;
  return [
    `moment ${profile.moment}, period ${profile.periodBytes}, peak ${Math.round(process?.peakBytes ?? 0)}`,
    ...profile.notices.map((notice) => `notice ${notice.code}: ${notice.message}`),
    ...lines,
    '',
  ].join('\n');
}

test.each(['c-tree', 'node-24-kv-cache'])('%s', async (name) => {
  const directory = join(recordings, name);
  const profile = await buildProfile(directory);
  expect(findProblems(profile)).toEqual([]);
  await expect(print(profile)).toMatchFileSnapshot(join(directory, 'profile.golden.txt'));
});

test('what the C program did is what its recording shows', async () => {
  const profile = await buildProfile(join(recordings, 'c-tree'));
  const frames = frameReader(profile);
  const bytes = (thread: RegExp, heap: string): number =>
    profile.samples
      .filter((sample) => thread.test(sample.labels.thread ?? '') && sample.labels.heap === heap)
      .filter((sample) => frames(sample).some((frame) => /^(kv_grow|main)$/.test(frame.name)))
      .reduce((total, sample) => total + sample.values[3], 0);
  expect(bytes(/^main$/, 'libc.malloc')).toBeCloseTo(4 * 1_000_003, -3);
  // Of 100,003 bytes at a mean of 16,384 all but 0.2 % are sampled: the estimate is near, not exact.
  expect(Math.abs(bytes(/^tid /, 'libc.malloc') / (8 * 100_003) - 1)).toBeLessThan(0.01);
  expect(bytes(/^main$/, 'mmap')).toBe(24 * 4096);
});

test('a recording with symbols needs nothing of the machine that made it', async () => {
  const profile = await buildProfile(join(recordings, 'node-24-kv-cache'));
  const frames = frameReader(profile);
  const largest = profile.samples.reduce((a, b) => (b.values[3] > a.values[3] ? b : a));
  const stack = frames(largest);
  expect(stack.find((frame) => frame.name === 'KvCache.append')).toMatchObject({
    file: expect.stringMatching(/kv-cache\.mjs$/),
    line: 3,
    kind: 'js',
  });
  expect(stack.some((frame) => frame.kind === 'native' && /v8::internal/.test(frame.name))).toBe(true);
  expect(stack.some((frame) => frame.name === 'JSEntryTrampoline')).toBe(true);
  expect(stack.at(-1)?.name).toBe('_start');
  expect(largest.values[3]).toBeGreaterThan(0.8 * 24 * 1_048_583);
});

test('symbols are made anew where the files are, and the file is not changed by that', async () => {
  const directory = join(root, 'copy');
  cpSync(join(recordings, 'c-tree'), directory, { recursive: true });
  const contents = () => readdirSync(directory).map((name) => readFileSync(join(directory, name)).toString('base64'));
  const before = contents();
  const found: Symbols[] = [];
  await buildProfile(directory, { onSymbols: (_path, symbols) => found.push(symbols) });
  expect(found[0]?.native.length).toBeGreaterThan(3);
  expect(contents()).toEqual(before);
});
