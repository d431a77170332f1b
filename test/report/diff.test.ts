import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { diff, sidesOf } from '../../src/analyze/diff.ts';
import { differenceProfile } from '../../src/analyze/diff-profile.ts';
import { summarize } from '../../src/analyze/summary.ts';
import type { Profile, Sample, Values } from '../../src/model/profile.ts';
import { findProblems } from '../../src/model/validate.ts';
import { formatDifference } from '../../src/report/diff-format.ts';
import { DIFF_FORMATS, PATH_FORMATS } from '../../src/report/diff-formats.ts';
import { FORMATS, PLAIN } from '../../src/report/index.ts';
import { readPprof } from '../../src/report/pprof-read.ts';
import { goPprof, HAS_GO } from '../helpers/go-pprof.ts';
import { inferenceProfile, js, makeProfile, native, type TestSample, testProcess } from '../helpers/profiles.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const directory = temporaryDirectory('diff');
const summary = { memprofVersion: '0.0.0' };
const MIB = 1_048_576;

/** The inference program after a change: tensors grew by half, the tokenizer went, the cache is new, lines moved by 3. */
function changed(): Profile {
  const profile = inferenceProfile();
  const samples = profile.samples.flatMap((sample, at): Sample[] => {
    if (at === 2) return [];
    const factor = at === 0 ? 1.5 : 1;
    return [{ ...sample, values: sample.values.map((value) => Math.round(value * factor)) as unknown as Values }];
  });
  const cache: TestSample = {
    stack: [js('serve', 'src/server.ts', 20), native('kv::grow(int)', '/app/libkv.so.2')],
    values: [7, 16 * MIB + 7, 7, 16 * MIB + 7],
    labels: { heap: 'mmap', pool: 'kv-cache', arena: 'kv-cache#1', thread: 'main' },
  };
  const added = makeProfile([cache]);
  const shift = 1_000;
  const moved = [...profile.locations].map(
    ([id, location]) =>
      [
        id,
        { ...location, lines: location.lines.map((line) => ({ ...line, line: line.line > 0 ? line.line + 3 : 0 })) },
      ] as const,
  );
  const locations = [...added.locations.values()].map((location) => ({
    ...location,
    id: location.id + shift,
    mappingId: location.mappingId && location.mappingId + shift,
    lines: location.lines.map((line) => ({ ...line, functionId: line.functionId + shift })),
  }));
  const functions = [...added.functions.values()].map((fn) => ({ ...fn, id: fn.id + shift }));
  return {
    ...profile,
    samples: [
      ...samples,
      ...added.samples.map((sample) => ({ ...sample, stack: sample.stack.map((id) => id + shift) })),
    ],
    locations: new Map([...moved, ...locations.map((location) => [location.id, location] as const)]),
    functions: new Map([...profile.functions, ...functions.map((fn) => [fn.id, fn] as const)]),
    mappings: [
      ...profile.mappings,
      ...added.mappings.slice(1).map((mapping) => ({ ...mapping, id: mapping.id + shift })),
    ],
    processes: [testProcess({ pid: 4711, nodeVersion: 'v24.2.0', counters: {} })],
  };
}
const [base, now] = [inferenceProfile(), changed()];

describe('figures', () => {
  const golden = (name: string): string => fileURLToPath(new URL(`../../fixtures/golden/${name}`, import.meta.url));
  const result = diff({ name: 'runs/base', profiles: [base] }, { name: 'runs/now', profiles: [now] }, summary);

  it.each([
    ['text', 'diff.txt'],
    ['markdown', 'diff.md'],
    ['json', 'diff.json'],
  ] as const)('%s', async (format, file) => {
    await expect(DIFF_FORMATS[format](result, PLAIN)).toMatchFileSnapshot(golden(file));
  });

  it('text of two sets of runs, by module', async () => {
    const runs = diff(
      { name: 'a', profiles: [base, base] },
      { name: 'b', profiles: [now, now] },
      { ...summary, by: 'module' },
    );
    await expect(DIFF_FORMATS.text(runs, PLAIN)).toMatchFileSnapshot(golden('diff.by-module.txt'));
  });

  it('names of the program break neither a table nor a terminal', () => {
    const hostile = makeProfile([
      {
        stack: [js('a|b\u001b[31m\n**<img src=x>**', '/`x`/|.js', 1)],
        values: [1, 9, 1, 9],
        labels: { heap: 'mmap|x' },
      },
    ]);
    const sides = diff({ name: '`a`\n|', profiles: [makeProfile([])] }, { name: 'b', profiles: [hostile] }, summary);
    const markdown = DIFF_FORMATS.markdown(sides);
    expect(markdown).not.toMatch(/(?<!\\)<img|(?<!\\)\*\*\\<|```/);
    expect(markdown).not.toContain('\u001b');
    for (const line of markdown.split('\n').filter((text) => text.startsWith('| '))) {
      expect(line.split(/(?<!\\)\|/)).toHaveLength(7);
    }
    expect(DIFF_FORMATS.text(sides, PLAIN)).not.toContain('\u001b');
  });
});

it.each([
  [{ kind: 'estimated', value: 6_081_741, low: 5_000_000, high: 7_100_000 }, 'bytes', '~ +5.8 MiB ±1.0'],
  [{ kind: 'estimated', value: 300_000, low: -12_000_000, high: 12_600_000 }, 'bytes', '~ +0.3 MiB ±11.7'],
  [{ kind: 'estimated', value: -300, low: -200_000, high: 100_000 }, 'bytes', '~ -0.3 KiB -195 +97.9'],
  [{ kind: 'estimated', value: -3, low: -200_000, high: 199_994 }, 'bytes', '~ 0.0 KiB ±195'],
  [{ kind: 'estimated', value: 98_200, low: -31_294, high: 327_694 }, 'count', '~ +98,200 ±229,494'],
  [{ kind: 'measured', value: -3_145_728, low: -3_145_728, high: -3_145_728 }, 'bytes', '= -3.0 MiB'],
  [{ kind: 'unknown', value: null, low: null, high: null }, 'bytes', '? unknown'],
] as const)('%j', (estimate, unit, text) => {
  expect(formatDifference(estimate, unit)).toBe(text);
});

describe('call paths', () => {
  const sides = sidesOf([base], [now]);

  it('add up to the difference of the totals, and are a valid profile', () => {
    const { profile, baseSamples } = differenceProfile(sides, 'net');
    expect(findProblems(profile)).toEqual([]);
    expect(baseSamples.size).toBe(0);
    const sum = (samples: readonly Sample[], column: number) =>
      samples.reduce((all, { values }) => all + (values[column] ?? 0), 0);
    for (const column of [0, 1, 2, 3]) {
      expect(sum(profile.samples, column)).toBe(sum(now.samples, column) - sum(base.samples, column));
    }
    // What is the same on both sides is gone: WebAssembly, mappings, V8's objects, the second arena of tensors.
    expect(profile.samples).toHaveLength(3);
  });

  it('of a program compared with itself are none, also of two runs on one side', () => {
    const other = { ...base, processes: [testProcess({ pid: 9 })] };
    const pid9 = { ...other, samples: base.samples.map((one) => ({ ...one, labels: { ...one.labels, pid: 9 } })) };
    const { profile } = differenceProfile(sidesOf([base], [base, pid9]), 'net');
    expect(profile.samples).toEqual([]);
  });

  it('show the line of now, and none where the code is on several', () => {
    const at = (...lines: number[]) =>
      makeProfile(
        lines.map((line) => ({ stack: [js('put', 'a.js', line)], values: [1, 9, 1, 9], labels: { heap: 'mmap' } })),
      );
    const linesOf = (before: Profile, after: Profile) =>
      [...differenceProfile(sidesOf([before], [after]), 'sides').profile.locations.values()].map(
        ({ lines }) => lines[0]?.line,
      );
    expect(linesOf(at(7), at(10))).toEqual([10]);
    expect(linesOf(at(7), at(10, 11))).toEqual([0]);
  });

  it('speedscope has a profile of what grew and one of what shrank', () => {
    const { profile } = differenceProfile(sides, 'net');
    const { profiles } = JSON.parse(PATH_FORMATS.speedscope(profile, { summary })) as {
      profiles: { name: string; endValue: number }[];
    };
    const of = (name: string) => profiles.find((one) => one.name === `inuse_space by arena: ${name}`)?.endValue;
    expect([of('grown'), of('shrunk')]).toEqual([32 * MIB + 16 * MIB + 7, 2 * MIB]);
  });

  it.skipIf(!HAS_GO)('go tool pprof reads the file as it reads -diff_base with the two files', () => {
    const write = (name: string, content: string | Uint8Array): string => {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    };
    const own = (name: string, profile: Profile) =>
      write(name, FORMATS.pprof(profile, { summary: summarize(profile, summary) }));
    // pprof itself compares by line as well: here nothing has moved.
    const still = { ...now, locations: new Map([...now.locations, ...base.locations]) };
    const { profile, baseSamples } = differenceProfile(sidesOf([base], [still]), 'sides');
    const file = write('diff.pb.gz', PATH_FORMATS.pprof(profile, { summary, baseSamples }));
    const [before, after] = [own('base.pb.gz', base), own('now.pb.gz', still)];
    for (const index of ['inuse_space', 'alloc_space', 'inuse_objects', 'alloc_objects']) {
      const args = ['-top', `-sample_index=${index}`, '-unit=B', '-nodefraction=0'];
      const table = (...sources: string[]) => goPprof(...args, ...sources).split('Showing nodes')[1];
      expect(table(file)).toBe(table('-diff_base', before, after));
    }
    const top = goPprof('-top', '-unit=B', file);
    expect(top).toMatch(/ -2097152B .* calloc$/m);
    expect(top).toMatch(/ 16777223B .* kv::grow\(int\)$/m);
    expect(readPprof(PATH_FORMATS.pprof(profile, { summary, baseSamples })).samples).toHaveLength(
      profile.samples.length,
    );
  });
});
