import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { GROUPINGS } from '../../src/analyze/group.ts';
import { summarize } from '../../src/analyze/summary.ts';
import type { Values } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { Summary, summaryJsonSchema } from '../../src/schema/summary.ts';
import { SUMMARY_VERSION } from '../../src/schema/summary-version.ts';
import { inferenceProfile, js, makeProfile, poolProfile, testProcess } from '../helpers/profiles.ts';

const MIB = 1_048_576;
const schemaFile = fileURLToPath(new URL('../../docs/reference/summary.schema.json', import.meta.url));
const options = { memprofVersion: '0.0.0' };

describe('summary.schema.json', () => {
  it('is what src/schema/summary.ts says (npx vitest run test/analyze/summary -u writes it anew)', async () => {
    await expect(`${JSON.stringify(summaryJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(schemaFile);
  });

  it('takes every summary.json, as an independent validator reads it, and refuses others', () => {
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(schemaFile, 'utf8')));
    for (const profile of [inferenceProfile(), poolProfile(), makeProfile([])]) {
      for (const by of [undefined, ...GROUPINGS]) {
        const summary = summarize(profile, { ...options, ...(by && { by }) });
        const json: unknown = JSON.parse(FORMATS.json(profile, { summary }));
        validate(json);
        expect(validate.errors).toBeNull();
        expect(Summary.parse(json)).toEqual(json);
      }
    }
    expect(validate({ version: SUMMARY_VERSION })).toBe(false);
    expect(validate({ ...summarize(inferenceProfile(), options), version: SUMMARY_VERSION + 1 })).toBe(false);
  });
});

describe('summarize', () => {
  const summary = summarize(inferenceProfile(), options);

  it('adds heaps up to the total', () => {
    const sum = summary.heaps.reduce((all, heap) => all + (heap.inuse_space.value ?? 0), 0);
    expect(summary.total.inuse_space.value).toBe(sum);
    expect(summary.heaps.reduce((all, { share }) => all + share, 0)).toBeCloseTo(1, 3);
  });

  it('moves the interval of a sum by its measured part', () => {
    const { value, low, high, kind } = summary.total.inuse_space;
    expect(kind).toBe('estimated');
    const measured = 53 * MIB + 1;
    expect(low).toBeGreaterThan(measured);
    const sd = Math.sqrt(89 * MIB * 65_536 + 31 * MIB * 524_288);
    expect(((high ?? 0) - (low ?? 0)) / (2 * 1.96 * sd)).toBeCloseTo(1, 1);
    expect(value).toBe(173 * MIB + 1);
  });

  it('never says that less was allocated than is in use', () => {
    const { alloc_objects, inuse_objects } = summary.total;
    expect(inuse_objects.low).toBeGreaterThan(3_408); // what the heaps that count allocations have
    expect(alloc_objects.low).toBe(inuse_objects.low);
  });

  it('gives a lower bound where only some heaps know', () => {
    const { alloc_space } = summary.total;
    expect(alloc_space).toMatchObject({ kind: 'unknown', value: null, high: null });
    // 320 MiB are known to have been allocated, 267 of them estimated.
    expect(alloc_space.low).toBeGreaterThan(300 * MIB);
    expect(alloc_space.low).toBeLessThan(320 * MIB);
    expect(summary.heaps.find(({ heap }) => heap === 'v8')?.alloc_space).toEqual({
      kind: 'unknown',
      value: null,
      low: null,
      high: null,
    });
  });

  it('keeps processes, gauges, unknown columns and notices', () => {
    expect(summary.processes).toEqual([
      expect.objectContaining({
        pid: 4711,
        sampling: { nativeMeanBytes: 65_536, nativeMeanAtEndBytes: 65_536, v8IntervalBytes: 524_288 },
        peak: { bytes: 311_000_003, timeNs: '1760000007000000000' },
        counters: { alloc_samples: 1_013, dropped_live: 7, truncated_stacks: 2 },
      }),
    ]);
    expect(summary.gauges).toEqual([
      {
        name: 'rss',
        unit: 'bytes',
        pid: 4711,
        points: 3,
        start: 41_000_003,
        peak: 402_000_007,
        peakTimeNs: '1760000007000000000',
        end: 301_000_009,
      },
    ]);
    expect(summary.unknown).toEqual([{ heap: 'v8', types: ['alloc_objects', 'alloc_space'] }]);
    expect(summary.notices.map(({ code }) => code)).toEqual(['JS_NAMES_MISSING']);
    expect(summary.recorded.never).toContain('command-line arguments');
  });

  it('lists as many sites as it is asked for', () => {
    const samples = Array.from({ length: 23 }, (_, i) => ({
      stack: [js(`f${i}`, 'a.js', i + 1)],
      values: [1, 1, 1, i + 1] as const,
    }));
    const sites = (top?: number) => summarize(makeProfile(samples), { ...options, ...(top && { top }) }).sites;
    expect(sites()).toHaveLength(10);
    expect(sites(17)).toHaveLength(17);
    expect(sites()[0]).toMatchObject({ name: 'f22 a.js:23', js: { name: 'f22', file: 'a.js', line: 23 } });
  });

  it('has intervals that hold differences, and sums of differences that cancel', () => {
    const sample = (sign: 1 | -1, name: string) => ({
      stack: [js(name, 'a.js', 1)],
      values: [0, 0, sign, sign * 7_919].map(Number) as unknown as Values,
      variances: [0, 0, 1, 7_919 ** 2] as const,
    });
    const diff = summarize(makeProfile([sample(1, 'f'), sample(-1, 'g')]), options);
    expect(diff.total.inuse_space).toMatchObject({ kind: 'estimated', value: 0 });
    expect(diff.total.inuse_space.low).toBeLessThan(-7_919);
    expect(diff.sites.map(({ inuse_space }) => inuse_space.value).sort()).toEqual([-7_919, 7_919]);
  });

  it('writes times as strings and numbers that JSON can hold', () => {
    const huge = makeProfile([{ stack: [js('f', 'a.js', 1)], values: [1, 2 ** 60, 1, 3_000_000_019] }], {
      processes: [testProcess({ peakTimeNs: 2n ** 63n - 1n })],
    });
    const json = FORMATS.json(huge, { summary: summarize(huge, options) });
    expect(json).toContain('"timeNs": "9223372036854775807"');
    expect(JSON.parse(json)).toMatchObject({ total: { inuse_space: { value: 3_000_000_019 } } });
  });

  it('is empty for an empty profile', () => {
    const empty = summarize(makeProfile([], { processes: [] }), options);
    expect(empty).toMatchObject({ sites: [], heaps: [], processes: [] });
    expect(empty.total.inuse_space).toEqual({ kind: 'measured', value: 0, low: 0, high: 0 });
  });
});
