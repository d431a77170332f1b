import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { diff } from '../../src/analyze/diff.ts';
import { GROUPINGS } from '../../src/analyze/group.ts';
import type { Profile, Values } from '../../src/model/profile.ts';
import { diffJsonSchema } from '../../src/schema/diff.ts';
import {
  inferenceProfile,
  js,
  makeProfile,
  native,
  poolProfile,
  type TestSample,
  testProcess,
} from '../helpers/profiles.ts';
import { randomNumbers } from '../helpers/random.ts';

const options = { memprofVersion: '0.0.0' };
const compare = (base: readonly Profile[], now: readonly Profile[], by?: (typeof GROUPINGS)[number]) =>
  diff({ name: 'base', profiles: base }, { name: 'now', profiles: now }, { ...options, ...(by && { by }) });

/** Measured bytes: no error bar. */
const exact = (stack: TestSample['stack'], bytes: number, labels: TestSample['labels'] = {}): TestSample => ({
  stack,
  values: [1, bytes, 1, bytes],
  labels: { heap: 'mmap', ...labels },
});

describe('the same code', () => {
  const differences = (base: TestSample[], now: TestSample[]) =>
    compare([makeProfile(base)], [makeProfile(now)]).sites.rows.map(({ name, inuse_space: { difference } }) => [
      name,
      difference.value,
    ]);

  it('is the same on another line', () => {
    const base = exact([js('Cache.put', '/app/src/cache.js', 17)], 1_000_003);
    const now = exact([js('Cache.put', '/app/src/cache.js', 23)], 1_000_033);
    expect(differences([base], [now])).toEqual([['Cache.put /app/src/cache.js', 30]]);
  });

  it('is the same in another checkout, and a file of the same name in another folder is another', () => {
    const at = (root: string, bytes: number) => [
      exact([js('put', `${root}/src/cache/index.js`, 17)], bytes),
      exact([js('put', `${root}/src/pool/index.js`, 17)], 7 * bytes),
    ];
    expect(differences(at('/home/a/app', 1009), at('/builds/7/app', 1013))).toEqual([
      ['put /home/a/app/src/pool/index.js', 28],
      ['put /home/a/app/src/cache/index.js', 4],
    ]);
  });

  it('is in the same package only: two packages have an index.js each', () => {
    const base = exact([js('get', '/a/node_modules/lru/index.js', 1)], 1009);
    const now = exact([js('get', '/b/node_modules/map/index.js', 1)], 1013);
    expect(differences([base], [now])).toEqual([
      ['get /b/node_modules/map/index.js', 1013],
      ['get /a/node_modules/lru/index.js', -1009],
    ]);
    const moved = exact([js('get', '/b/node_modules/.pnpm/lru@2.0.0/node_modules/lru/index.js', 9)], 1013);
    expect(differences([base], [moved])).toEqual([['get /a/node_modules/lru/index.js', 4]]);
  });

  it('is the same in another version of a library, and in what the compiler made several functions of', () => {
    const base = exact([native('ort::Run(int) [clone .isra.0]', '/opt/a/libort.so.1.17.0')], 1009);
    const now = exact([native('ort::Run(int)', '/opt/b/libort.so.1.18.3')], 1013);
    expect(differences([base], [now])).toEqual([['ort::Run(int) libort.so', 4]]);
  });

  it('without a symbol has an address, which means nothing in another build', () => {
    const unnamed = (address: bigint, buildId: string, bytes: number): Profile => {
      const profile = makeProfile([exact([native('x', '/opt/libz.so.1')], bytes)]);
      const locations = [...profile.locations].map(
        ([id, location]) => [id, { ...location, address, lines: [] }] as const,
      );
      return {
        ...profile,
        mappings: profile.mappings.map((mapping) => ({ ...mapping, start: 0n, buildId })),
        locations: new Map(locations),
      };
    };
    const names = (base: Profile, now: Profile) => compare([base], [now]).sites.rows.map(({ name }) => name);
    expect(names(unnamed(0x17n, 'aa', 1009), unnamed(0x23n, 'aa', 1013))).toEqual(['libz.so+0x23', 'libz.so+0x17']);
    expect(names(unnamed(0x17n, 'aa', 1009), unnamed(0x23n, 'bb', 1013))).toEqual(['(no symbol) libz.so']);
    expect(names(unnamed(0x17n, '', 1009), unnamed(0x17n, '', 1013))).toEqual(['(no symbol) libz.so']);
  });

  it('of two allocators is two sites', () => {
    const stack = [js('put', '/app/a.js', 1)];
    const now = [exact(stack, 1009), exact(stack, 1013, { heap: 'wasm' })];
    expect(differences([], now).map(([, bytes]) => bytes)).toEqual([1013, 1009]);
  });
});

describe('error bars', () => {
  const MEAN = 65_536;
  const stack = [js('Cache.put', 'cache.js', 1)];

  /** What a sampler with that mean sees of so many objects of a size, and the estimate it makes of it. */
  function sampled(objects: number, sizeBytes: number, random: () => number): Profile {
    const p = -Math.expm1(-sizeBytes / MEAN);
    let seen = 0;
    for (let i = 0; i < objects; i++) if (random() < p) seen++;
    const count = seen / p;
    const variance = (seen * (1 - p)) / p ** 2;
    const values: Values = [count, count * sizeBytes, count, count * sizeBytes];
    const variances: Values = [variance, variance * sizeBytes ** 2, variance, variance * sizeBytes ** 2];
    return makeProfile(seen === 0 ? [] : [{ stack, values, variances, observations: seen }]);
  }

  it.each([
    { objects: 100, more: 100, sizeBytes: 20_011 },
    { objects: 3, more: 9, sizeBytes: 70_001 },
    { objects: 2_003, more: 2_503, sizeBytes: 4_001 },
  ])(
    'hold the truth in 95 % of the runs: $objects and $more objects of $sizeBytes B',
    ({ objects, more, sizeBytes }) => {
      const next = randomNumbers(17);
      const random = () => next(1 << 24) / (1 << 24);
      const runs = 600;
      let [tooLow, tooHigh] = [0, 0];
      for (let run = 0; run < runs; run++) {
        const { difference } = compare([sampled(objects, sizeBytes, random)], [sampled(more, sizeBytes, random)]).total
          .inuse_space;
        const truth = (more - objects) * sizeBytes;
        if ((difference.high ?? 0) < truth - 1) tooLow++;
        if ((difference.low ?? 0) > truth + 1) tooHigh++;
      }
      // Five standard deviations of a binomial count above 2.5 % on each side.
      const most = 0.025 + 5 * Math.sqrt((0.025 * 0.975) / runs);
      expect(tooLow / runs).toBeLessThan(most);
      expect(tooHigh / runs).toBeLessThan(most);
    },
  );

  it('of a site that one side has not seen reach over what it may not have seen', () => {
    const [site] = compare([makeProfile([])], [sampled(3, MEAN / 2, () => 0)]).sites.rows;
    expect(site?.inuse_space.base).toMatchObject({ kind: 'estimated', value: 0, low: 0 });
    expect(site?.inuse_space.base.high).toBeGreaterThan(2.9 * MEAN);
    const one: TestSample = {
      stack,
      values: [2, MEAN, 2, MEAN],
      variances: [2, MEAN ** 2, 2, MEAN ** 2],
      observations: 1,
    };
    expect(compare([makeProfile([])], [makeProfile([one])]).sites.rows[0]?.inuse_space.verdict).toBe('unclear');
  });

  it('are none where both sides were measured', () => {
    const at = (bytes: number) => [makeProfile([exact(stack, bytes)])];
    const change = (base: number, now: number) => compare(at(base), at(now)).total.inuse_space;
    expect(change(1009, 1013)).toMatchObject({ verdict: 'grown', difference: { kind: 'measured', low: 4, high: 4 } });
    expect(change(1013, 1009)).toMatchObject({ verdict: 'shrunk', difference: { value: -4 } });
    expect(change(1009, 1009)).toMatchObject({ verdict: 'same', difference: { value: 0 } });
  });

  it('are as wide as the runs differ among each other, also where one side has a single run', () => {
    const runs = (...bytes: number[]) => bytes.map((size) => makeProfile([exact(stack, size)]));
    const bar = (base: Profile[], now: Profile[]) => {
      const { value, low, high } = compare(base, now).total.inuse_space.difference;
      return { value, half: Math.round(((high ?? 0) - (low ?? 0)) / 2) };
    };
    // SD 100 and 100, three runs each: t(4) = 2.776, SE = 100 * sqrt(2 / 3).
    expect(bar(runs(900, 1000, 1100), runs(1400, 1500, 1600))).toEqual({
      value: 500,
      half: Math.round(2.7764 * 81.65),
    });
    // SE = 100 * sqrt(1 / 3 + 1), t(2) = 4.303.
    expect(bar(runs(900, 1000, 1100), runs(1500)).half).toBe(Math.round(4.30265 * 115.47));
  });

  it('are not there where a side does not know', () => {
    const v8 = (unknown: Profile['unknown']) =>
      makeProfile([{ ...exact(stack, 1009), labels: { heap: 'v8' } }], { unknown });
    const { alloc_space, inuse_space } = compare(
      [v8([{ heap: 'v8', types: ['alloc_objects', 'alloc_space'] }])],
      [v8([])],
    ).total;
    expect([alloc_space.verdict, inuse_space.verdict]).toEqual(['unknown', 'same']);
    expect(alloc_space.difference).toEqual({ kind: 'unknown', value: null, low: null, high: null });
  });
});

it('processes and threads are told apart by name, not by number', () => {
  const stack = [js('put', 'a.js', 1)];
  const at = (pid: number, thread: string, bytes: number) =>
    makeProfile([exact(stack, bytes, { pid, thread })], { processes: [testProcess({ pid })] });
  const by = (what: 'process' | 'thread') =>
    compare([at(17, 'tid 18', 1009)], [at(23, 'tid 24', 1013)], what).groups?.rows.map(({ name }) => name);
  expect([by('process'), by('thread')]).toEqual([['node'], ['(native thread)']]);
});

it('what was made differently is said', () => {
  const codes = (now: Profile) => compare([makeProfile([])], [now]).labels.map(({ code }) => code);
  expect(codes(makeProfile([]))).toEqual([]);
  expect(codes(makeProfile([], { processes: [testProcess({ nodeVersion: 'v24.1.0' })] }))).toEqual(['OTHER_NODE']);
  expect(
    codes(makeProfile([], { processes: [testProcess({ nativeMeanBytes: 524_288, v8IntervalBytes: 0 })] })),
  ).toEqual(['OTHER_SAMPLING', 'OTHER_V8_SAMPLING']);
  expect(codes(makeProfile([], { processes: [testProcess({ counters: { dropped_live: 3 } })] }))).toEqual(['LOST']);
});

describe('what a run has one number of', () => {
  const rss = (...values: number[]): Profile =>
    makeProfile([], {
      gauges: [4711, 4712].map((pid) => ({
        name: 'rss',
        unit: 'bytes',
        pid,
        points: values.map((value, at) => ({ timeNs: BigInt(at), value })),
      })),
    });
  const figures = (base: Profile[], now: Profile[]) =>
    compare(base, now).figures.map(({ name, difference, verdict }) => [name, difference.value, verdict]);

  it('is the sum over the processes; of two single runs no difference is sure', () => {
    expect(figures([rss(100, 900, 500)], [rss(100, 950, 501)])).toEqual([
      ['peak RSS', 100, 'unclear'],
      ['RSS at the end', 2, 'unclear'],
    ]);
    expect(figures([rss(9)], [rss(9)])[0]).toEqual(['peak RSS', 0, 'same']);
  });

  it('has grown if it differs by more than the runs do', () => {
    const base = [rss(900), rss(905), rss(910)];
    expect(figures(base, [rss(1000), rss(1005), rss(1011)])[0]?.[2]).toBe('grown');
    expect(figures(base, [rss(900), rss(907), rss(914)])[0]?.[2]).toBe('unclear');
  });

  it('is left out where a side does not know it', () => {
    expect(figures([rss(9)], [rss(9), makeProfile([])])).toEqual([]);
  });

  it('of pauses is that of all isolates, by the number of all of them', () => {
    const paused = (longest: number): Profile => ({
      ...makeProfile([]),
      collections: [0, 1].map((threadId) => ({
        pid: 4711,
        threadId,
        kind: 'scavenge',
        pauses: 100,
        totalNs: 100_000_000,
        p50Ns: 1,
        p99Ns: 2,
        maxNs: 3,
        causes: {},
      })),
      // Of 200 pauses the third longest is the 99th percentile; the profile has the longest only.
      pauses: [longest, longest - 1, longest - 2, longest - 3].map((durationNs) => ({
        pid: 4711,
        threadId: 0,
        timeNs: 0n,
        durationNs,
        kind: 'scavenge',
        cause: '',
      })),
    });
    expect(figures([paused(10_000_000)], [paused(13_000_000)])).toEqual([
      ['GC pauses', 0, 'same'],
      ['GC pauses in all', 0, 'same'],
      ['GC pause p99', 3_000_000, 'unclear'],
    ]);
  });
});

describe('diff.schema.json', () => {
  const schemaFile = fileURLToPath(new URL('../../docs/reference/diff.schema.json', import.meta.url));

  it('is what src/schema/diff.ts says (npx vitest run test/analyze/diff -u writes it anew)', async () => {
    await expect(`${JSON.stringify(diffJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(schemaFile);
  });

  it('takes every difference, as an independent validator reads it', () => {
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(schemaFile, 'utf8')));
    for (const by of [undefined, ...GROUPINGS]) {
      for (const [base, now] of [
        [inferenceProfile(), poolProfile()],
        [makeProfile([]), makeProfile([], { processes: [] })],
      ] as const) {
        validate(JSON.parse(JSON.stringify(compare([base], [now, now], by))));
        expect(validate.errors).toBeNull();
      }
    }
    expect(validate({ version: 2 })).toBe(false);
  });
});
