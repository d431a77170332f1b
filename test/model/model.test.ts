import { expect, test } from 'vitest';
import { createProfileBuilder } from '../../src/model/builder.ts';
import { labelsKey } from '../../src/model/labels.ts';
import type { Labels, Profile, Sample } from '../../src/model/profile.ts';
import { formatBytes, formatCount, formatDuration } from '../../src/model/units.ts';
import { findProblems } from '../../src/model/validate.ts';

const labels: Labels = { heap: 'v8', tier: 'host', pid: 7 };
const rest = {
  gauges: [],
  arenas: [],
  pools: [],
  pauses: [],
  collections: [],
  marks: [],
  ledgers: [],
  processes: [],
  moment: 'end',
  startedAtNs: 0n,
  durationNs: 0n,
  periodBytes: 1,
  unknown: [],
  notices: [],
} as const;

function build(change: (sample: Sample) => Sample = (sample) => sample): Profile {
  const builder = createProfileBuilder();
  const functionId = builder.addFunction({ name: 'f', systemName: 'f', file: 'a.js', startLine: 1 });
  const lines = [{ functionId, line: 3, column: 1 }];
  const location = builder.addLocation({ mappingId: 0, address: 0n, lines, kind: 'js' });
  builder.addSample(
    change({ stack: [location], values: [1, 2, 3, 4], variances: [0, 1, 0, 1], labels, observations: 5 }),
  );
  return builder.build(rest);
}

test('equal functions, locations and samples become one; values, variances and observations are added', () => {
  const builder = createProfileBuilder();
  const add = (line: number, heap: string): void => {
    const functionId = builder.addFunction({ name: 'f', systemName: 'f', file: 'a.js', startLine: 1 });
    const lines = [{ functionId, line, column: 1 }];
    const location = builder.addLocation({ mappingId: 0, address: 0n, lines, kind: 'js' });
    const values = [1, 10, 2, 20] as const;
    builder.addSample({ stack: [location], values, variances: values, labels: { ...labels, heap }, observations: 3 });
  };
  add(3, 'v8');
  add(3, 'v8');
  add(4, 'v8');
  add(3, 'mmap');
  const profile = builder.build(rest);
  expect(profile.functions.size).toBe(1);
  expect(profile.locations.size).toBe(2);
  expect(profile.samples).toHaveLength(3);
  expect(profile.samples[0]).toMatchObject({ values: [2, 20, 4, 40], variances: [2, 20, 4, 40], observations: 6 });
  expect(findProblems(profile)).toEqual([]);
});

test('labels are equal whatever their order, and an absent one is not a shifted one', () => {
  expect(labelsKey({ heap: 'a', pid: 1, tier: 'host' })).toBe(labelsKey({ tier: 'host', heap: 'a', pid: 1 }));
  expect(labelsKey({ ...labels, arena: 'x' })).not.toBe(labelsKey({ ...labels, pool: 'x' }));
});

test.each<[string, (sample: Sample) => Sample, RegExp]>([
  ['an empty stack', (sample) => ({ ...sample, stack: [] }), /no stack/],
  ['a location that is not there', (sample) => ({ ...sample, stack: [9] }), /location 9/],
  ['a value that is no number', (sample) => ({ ...sample, values: [0, 0, 0, Number.NaN] }), /not finite/],
  ['a negative variance', (sample) => ({ ...sample, variances: [0, 0, 0, -1] }), /variance/],
])('validation finds %s', (_, change, problem) => {
  expect(findProblems(build())).toEqual([]);
  expect(findProblems(build(change)).join()).toMatch(problem);
});

test('validation finds functions and mappings that are not there', () => {
  const profile = build();
  expect(findProblems({ ...profile, functions: new Map() }).join()).toMatch(/function 1, which is not there/);
  const location = { id: 1, mappingId: 4, address: 1n, lines: [], kind: 'native' } as const;
  expect(findProblems({ ...profile, locations: new Map([[1, location]]) }).join()).toMatch(/mapping 4/);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1023.9, '1024 B'],
  [1536, '1.5 KiB'],
  [1_048_570, '1.0 MiB'],
  [310 * 2 ** 20, '310 MiB'],
  [-2 * 2 ** 30, '-2.0 GiB'],
  [Number.NaN, 'unknown'],
])('%f bytes read as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test('counts and durations read well', () => {
  expect(formatCount(12_345.4)).toBe('12,345');
  const durations = [850n, 12_000n, 3_400_000n, 12_000_000_000n, 200_000_000_000n];
  expect(durations.map(formatDuration)).toEqual(['850 ns', '12 µs', '3.4 ms', '12.0 s', '3 min 20 s']);
});
