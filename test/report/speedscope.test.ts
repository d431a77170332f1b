import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { fold } from '../../src/analyze/fold.ts';
import type { GroupBy } from '../../src/analyze/group.ts';
import { summarize } from '../../src/analyze/summary.ts';
import type { Profile, Values } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import {
  approximateProfile,
  inferenceProfile,
  js,
  makeProfile,
  NODE_BINARY,
  native,
  poolProfile,
  testProcess,
} from '../helpers/profiles.ts';

const MIB = 1_048_576;

interface SpeedscopeFile {
  readonly activeProfileIndex: number;
  readonly exporter: string;
  readonly shared: { readonly frames: readonly { name: string; file?: string; line?: number }[] };
  readonly profiles: readonly {
    readonly name: string;
    readonly unit: string;
    readonly endValue: number;
    readonly samples: readonly (readonly number[])[];
    readonly weights: readonly number[];
  }[];
}

/** The schema that speedscope ships: nobody at our end wrote it. */
const schemaPath = createRequire(import.meta.url).resolve('speedscope/dist/release/file-format-schema.json');
const isSpeedscope = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(readFileSync(schemaPath, 'utf8')));

function speedscope(profile: Profile, by?: GroupBy): SpeedscopeFile {
  const summary = summarize(profile, { memprofVersion: '0.0.0', ...(by && { by }) });
  const text = FORMATS.speedscope(profile, { summary });
  const file = JSON.parse(text);
  isSpeedscope(file);
  expect(isSpeedscope.errors).toBeNull();
  return file;
}

const diff = (): Profile => {
  const profile = poolProfile();
  const samples = profile.samples.map((sample, i) => ({
    ...sample,
    values: sample.values.map((value) => (i % 2 === 0 ? value : -value)) as unknown as Values,
  }));
  return { ...profile, samples };
};

/** A server with an arena for each request, each bigger than the one before it. */
function requestArenas(count: number): Profile {
  const samples = Array.from({ length: count }, (_, i) => ({
    stack: [js('handle', 'src/server.ts', 7)],
    values: [1, 2_003, 1, 1_009 + i] as const,
    labels: { pool: 'request', arena: `request#${i + 1}`, stage: `s${i % 3}`, label: `tenant=${i % 60}` },
  }));
  return makeProfile([...samples, { stack: [js('f', 'a.js', 1)], values: [1, 1, 1, 1], labels: { arena: 'glibc#0' } }]);
}

/** Estimates are no whole numbers: they are rounded stack by stack, in each profile alike. */
function fractions(): Profile {
  return makeProfile(
    [0.4, 0.5, 0.6, 1.49, 2.5].map((bytes, i) => ({
      stack: [js(`f${i}`, 'a.js', 1)],
      values: [bytes, bytes, bytes, bytes],
      labels: { arena: `a#${i % 2}` },
    })),
  );
}

describe('the speedscope file', () => {
  it.each([
    ['inference', inferenceProfile()],
    ['pools', poolProfile()],
    ['approximate lines', approximateProfile()],
    ['empty', makeProfile([])],
    ['difference', diff()],
    ['huge', makeProfile([{ stack: [js('f', 'a.js', 1)], values: [1, 2 ** 60, 1, 3_000_000_019] }])],
  ])("keeps speedscope's own schema, and its sums: %s", (_, profile) => {
    const file = speedscope(profile);
    for (const { samples, weights, endValue, name } of file.profiles) {
      expect(weights, name).toHaveLength(samples.length);
      expect(
        weights.reduce((sum, weight) => sum + weight, 0),
        name,
      ).toBe(endValue);
      for (const weight of weights) expect(weight).toBeGreaterThan(0);
      for (const frame of samples.flat()) expect(file.shared.frames[frame]).toBeDefined();
    }
  });

  it('can tell a bad file', () => {
    expect(isSpeedscope({ profiles: [{ type: 'sampled' }], shared: { frames: [] } })).toBe(false);
  });

  it('begins with what is in use, by arena, then the other sample types, the arenas, and merged', () => {
    const file = speedscope(poolProfile());
    expect(file.activeProfileIndex).toBe(0);
    expect(file.profiles.map(({ name, unit }) => `${name}, ${unit}`)).toEqual([
      'inuse_space by arena, bytes',
      'alloc_space, bytes',
      'inuse_objects, none',
      'alloc_objects, none',
      'inuse_space of weights#0, bytes',
      'inuse_space of kv-cache#0, bytes',
      'inuse_space of kv-cache#1, bytes',
      'inuse_space of kv-cache#2, bytes',
      'inuse_space of tensor-pool#0, bytes',
      'inuse_space of kv-cache#3, bytes',
      'inuse_space of v8:old_space, bytes',
      'merged, bytes',
    ]);
  });

  it('says in the name of a profile which heap is missing in it', () => {
    expect(
      speedscope(inferenceProfile())
        .profiles.slice(0, 5)
        .map(({ name }) => name),
    ).toEqual([
      'inuse_space by arena',
      'inuse_space, engine hidden',
      'alloc_space (without v8: not known)',
      'inuse_objects',
      'alloc_objects (without v8: not known)',
    ]);
  });

  it('shows pool, arena and then the call path; without pools the heap instead', () => {
    const path = (profile: Profile, index: number) => {
      const file = speedscope(profile);
      return file.profiles[0]?.samples[index]?.map((frame) => file.shared.frames[frame]?.name);
    };
    expect(path(poolProfile(), 0)).toEqual([
      'kv-cache',
      'kv-cache#0',
      'serve',
      'Decoder.decode',
      'KvCache.append',
      'ggml_aligned_malloc',
    ]);
    expect(path(inferenceProfile(), 0)?.slice(0, 4)).toEqual(['libc.malloc', 'glibc#0', 'serve', 'Decoder.decode']);
    expect(path(inferenceProfile(), 0)?.at(-1)).toBe('malloc');
  });

  it("shows the program's own code at the top in the second profile, and loses no byte", () => {
    const file = speedscope(
      makeProfile([
        {
          stack: [
            native('main', NODE_BINARY),
            native('node::Start(int, char**)', NODE_BINARY),
            js('processTicksAndRejections', 'node:internal/process/task_queues', 95),
            js('serve', 'src/server.ts', 11),
            native('v8::internal::Builtin_HandleApiCall(int)', NODE_BINARY),
            native('Session::Run()', '/app/addon.node'),
            native('malloc', '/lib/libc.so.6'),
          ],
          values: [1, 7_919, 1, 7_919],
        },
        { stack: [native('main', NODE_BINARY), native('v8::Worker()', NODE_BINARY)], values: [1, 101, 1, 101] },
      ]),
    );
    const [whole, own] = file.profiles;
    expect(own?.name).toBe('inuse_space, engine hidden');
    expect(own?.endValue).toBe(whole?.endValue);
    const paths = own?.samples.map((path) => path.slice(2).map((frame) => file.shared.frames[frame]?.name));
    expect(paths).toEqual([
      ['serve', 'Session::Run()', 'malloc'],
      ['main', 'v8::Worker()'],
    ]);
  });

  it("sorts each arena's frames next to each other, which is what gives them one colour", () => {
    const file = speedscope(poolProfile());
    const used = new Set(file.profiles[0]?.samples.flat());
    const ranked = file.shared.frames
      .filter((_, i) => used.has(i))
      .map((frame) => `${frame.file ?? ''}${frame.name}`)
      .sort();
    const arenas = ranked.map((key) => /^([\w-]+#\d|v8:\w+) > /.exec(key)?.[1]).filter((arena) => arena !== undefined);
    const runs = arenas.filter((arena, i) => arena !== arenas[i - 1]);
    expect(new Set(runs).size).toBe(runs.length);
    expect(runs).toHaveLength(7);
  });

  it.each([
    ['pool', ['kv-cache', 'serve']],
    ['arena', ['kv-cache', 'kv-cache#0', 'serve']],
    ['stage', ['decode', 'kv-cache', 'kv-cache#0', 'serve']],
    ['label', ['tenant=acme', 'kv-cache', 'kv-cache#0', 'serve']],
  ] as const)('begins with the %s where it was asked for', (by, expected) => {
    const { samples, ...rest } = poolProfile();
    const labelled = samples.map((sample) => ({ ...sample, labels: { ...sample.labels, label: 'tenant=acme' } }));
    const file = speedscope({ ...rest, samples: labelled }, by);
    const paths = file.profiles[0]?.samples.map((path) => path.map((frame) => file.shared.frames[frame]?.name)) ?? [];
    expect(paths.map((path) => path.slice(0, expected.length))).toContainEqual(expected);
    expect(file.profiles[0]?.name).toBe(`inuse_space by ${by}`);
    expect(new Set(paths.map((path) => path[0])).size).toBe({ pool: 4, arena: 4, stage: 3, label: 1 }[by]);
  });

  it('makes one frame of an arena, whatever heaps and stages its memory has', () => {
    const sample = (labels: object) => ({
      stack: [js('f', 'a.js', 1)],
      values: [1, 1, 1, 1] as const,
      labels: { pool: 'kv', arena: 'kv#1', ...labels },
    });
    const profile = makeProfile([
      sample({ stage: 'prefill' }),
      sample({ stage: 'decode' }),
      sample({ heap: 'v8' }),
      sample({ stage: 'embedding', label: 'tenant=acme' }),
      sample({ stage: 'warm-up' }),
    ]);
    const file = speedscope(profile);
    expect(new Set(file.profiles[0]?.samples.map((path) => path.slice(0, 2).join()))).toHaveProperty('size', 1);
    expect(file.shared.frames[1]).toEqual({
      name: 'kv#1',
      file: 'kv#1 > libc.malloc, v8 · host · decode, embedding, prefill and 1 more',
    });
  });

  it("folds a server's arenas but for the biggest, says how many, and loses no byte", () => {
    const profile = requestArenas(211);
    const file = speedscope(profile);
    const names = new Set(file.profiles[0]?.samples.map((path) => file.shared.frames[path[1] ?? -1]?.name));
    expect([...names].filter((name) => name?.startsWith('request#'))).toHaveLength(48);
    expect(names).toContain('163 more of request');
    // One alone may as well have its name.
    expect(names).toContain('glibc#0');
    const single = file.profiles.filter(({ name }) => name.startsWith('inuse_space of '));
    expect(single.map(({ name }) => name).slice(0, 2)).toEqual([
      'inuse_space of 163 more of request',
      'inuse_space of request#211',
    ]);
    expect(single.at(-1)?.name).toBe('inuse_space of 42 more arenas');
    // Each arena stands in one of them.
    const count = (name: string): number => Number(/of (\d+) more/.exec(name)?.[1] ?? 1);
    expect(single.reduce((sum, { name }) => sum + count(name), 0)).toBe(212);
  });

  it.each([
    ['inference', inferenceProfile()],
    ['pools', poolProfile()],
    ['many arenas', requestArenas(211)],
    ['small weights', fractions()],
  ])('adds up to the same in every profile that claims the whole: %s', (_, profile) => {
    for (const by of ['pool', 'arena', 'stage', 'label'] as const) {
      const file = speedscope(profile, by);
      const ofName = (pattern: RegExp): number[] =>
        file.profiles.filter(({ name }) => pattern.test(name)).map(({ endValue }) => endValue);
      const [whole = 0] = ofName(/^inuse_space by/);
      const sum = profile.samples.reduce((all, { values }) => all + Math.round(values[3]), 0);
      expect(whole).toBe(sum);
      expect(ofName(/^merged/)).toEqual([whole]);
      for (const hidden of ofName(/engine hidden/)) expect(hidden).toBe(whole);
      const single = ofName(/^inuse_space of /);
      if (single.length > 0) expect(single.reduce((all, bytes) => all + bytes, 0)).toBe(whole);
      for (const [column, name] of ['alloc_objects', 'alloc_space', 'inuse_objects'].entries()) {
        const truth = profile.samples.reduce((all, { values }) => all + Math.round(values[column] ?? 0), 0);
        expect(ofName(new RegExp(`^${name}`))).toEqual([truth]);
      }
    }
  });

  it('merges call paths of all arenas in the last profile', () => {
    const file = speedscope(poolProfile());
    const merged = file.profiles.at(-1);
    const names = new Set(merged?.samples.flat().map((frame) => JSON.stringify(file.shared.frames[frame])));
    expect([...names].filter((frame) => frame.includes('KvCache.append'))).toEqual([
      '{"name":"KvCache.append","file":"src/kv/cache.ts","line":88}',
    ]);
    expect(merged?.endValue).toBe(file.profiles[0]?.endValue);
  });

  it('shows a difference as grown and shrunk', () => {
    const file = speedscope(diff());
    expect(file.profiles.slice(0, 2).map(({ name, endValue }) => [name, endValue])).toEqual([
      ['inuse_space by arena: grown', (220 + 160 + 160 + 18) * MIB],
      ['inuse_space by arena: shrunk', (190 + 130 + 600) * MIB],
    ]);
  });

  it('tells processes apart', () => {
    const sample = (pid: number) => ({
      stack: [js('f', 'a.js', 1)],
      values: [1, 1, 1, 1] as const,
      labels: { pid, arena: 'glibc#0' },
    });
    const processes = [testProcess({ pid: 101 }), testProcess({ pid: 103, name: 'worker' })];
    const file = speedscope(makeProfile([sample(101), sample(103)], { processes }));
    const paths = file.profiles[0]?.samples.map((path) => path.map((frame) => file.shared.frames[frame]?.name));
    expect(paths).toEqual([
      ['node [101]', 'libc.malloc', 'glibc#0', 'f'],
      ['worker [103]', 'libc.malloc', 'glibc#0', 'f'],
    ]);
  });

  it('shows a stack without frames under its arena', () => {
    const file = speedscope(makeProfile([{ stack: [], values: [1, 1, 1, 7_919] }]));
    expect(file.profiles[0]?.samples[0]?.map((frame) => file.shared.frames[frame]?.name)).toEqual([
      'libc.malloc',
      '(no arena)',
      '(no stack)',
    ]);
    expect(file.profiles[0]?.endValue).toBe(7_919);
    expect(file.profiles.at(-1)?.endValue).toBe(7_919);
  });

  it('stays small for 100,000 samples once they are folded', () => {
    const frames = Array.from({ length: 2_999 }, (_, i) => js(`f${i}`, `src/m${i % 199}.ts`, i + 1));
    const samples = Array.from({ length: 100_003 }, (_, i) => ({
      stack: Array.from({ length: 20 }, (_, depth) => frames[(i * 31 + depth * 7) % 2_999] ?? js('f', 'a.js', 1)),
      values: [i, i, i, i + 1] as const,
      labels: { arena: `glibc#${i % 17}` },
    }));
    const profile = makeProfile(samples);
    const before = process.memoryUsage().rss;
    const file = speedscope(fold(profile, 20_000));
    expect(file.profiles[0]?.samples.length).toBeLessThanOrEqual(20_000);
    expect(file.profiles[0]?.endValue).toBe((100_003 * 100_004) / 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(800 * MIB);
  });
});
