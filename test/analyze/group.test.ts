import { describe, expect, it } from 'vitest';
import { GROUPINGS, group, total } from '../../src/analyze/group.ts';
import { topSites } from '../../src/analyze/top.ts';
import { approximateProfile, inferenceProfile, js, makeProfile, testProcess } from '../helpers/profiles.ts';

const MIB = 1_048_576;

describe('group', () => {
  it.each(GROUPINGS)('by %s keeps every sum', (by) => {
    const profile = inferenceProfile();
    const groups = group(profile, by);
    for (const column of [0, 1, 2, 3] as const) {
      const sum = (of: (i: 0 | 1 | 2 | 3) => number) => of(column);
      expect(groups.reduce((all, { values }) => all + sum((i) => values[i]), 0)).toBe(
        profile.samples.reduce((all, { values }) => all + sum((i) => values[i]), 0),
      );
      expect(groups.reduce((all, { variances }) => all + variances[column], 0)).toBe(
        profile.samples.reduce((all, { variances }) => all + variances[column], 0),
      );
    }
    expect(groups.reduce((all, { observations }) => all + observations, 0)).toBe(1_009 + 211 + 13 + 62);
    expect(groups.reduce((all, { share }) => all + share, 0)).toBeCloseTo(1, 12);
  });

  it('makes one site of an exact and an approximate line, and says that it is approximate, whichever came first', () => {
    const profile = approximateProfile();
    for (const samples of [profile.samples, profile.samples.toReversed()]) {
      const [put, ...others] = topSites({ ...profile, samples });
      expect(put?.name).toBe('Cache.put src/cache.ts:88 > addon::grow addon.node');
      expect(put?.values[3]).toBe(42 * MIB);
      expect(put?.site?.js?.approximate).toBe(true);
      expect(put?.site?.callee?.approximate).toBeUndefined();
      expect(others.map(({ site }) => [site?.js?.line, site?.js?.approximate])).toEqual([
        [40, true],
        [42, undefined],
      ]);
    }
  });

  it('sorts by what is in use, or by the column that is asked for', () => {
    const byHeap = group(inferenceProfile(), 'heap');
    expect(byHeap.map(({ name }) => name)).toEqual(['libc.malloc', 'wasm', 'v8', 'mmap']);
    expect(group(inferenceProfile(), 'heap', 2).map(({ name }) => name)[0]).toBe('v8');
  });

  it('names arenas, threads, modules and processes', () => {
    const names = (by: (typeof GROUPINGS)[number]) => group(inferenceProfile(), by).map(({ name }) => name);
    expect(names('arena')).toEqual(['glibc#0', 'wasm (no arena)', 'v8:old_space', 'glibc#3', 'mmap (no arena)']);
    expect(names('thread')).toEqual(['main', 'tid 4720']);
    expect(names('module')).toEqual(['libonnxruntime.so.1', 'src/wasm.ts', 'src/cache.ts', 'node', 'src/tokenizer.ts']);
    expect(names('process')).toEqual(['node [4711]']);
  });

  it('tells the arenas and threads of two processes apart', () => {
    const sample = (pid: number) => ({
      stack: [js('f', 'a.js', 1)],
      values: [1, 1, 1, pid] as const,
      labels: { pid, arena: 'glibc#0', thread: 'main' },
    });
    const profile = makeProfile([sample(101), sample(103)], { processes: [testProcess({ pid: 101 })] });
    expect(group(profile, 'arena').map(({ name }) => name)).toEqual(['glibc#0 [103]', 'glibc#0 [101]']);
    expect(group(profile, 'thread').map(({ name }) => name)).toEqual(['main [103]', 'main [101]']);
    expect(group(profile, 'process').map(({ name }) => name)).toEqual(['process [103]', 'node [101]']);
  });

  it('does not mix heaps in one site, and knows which columns a heap lacks', () => {
    const stack = [js('f', 'a.js', 1)];
    const profile = makeProfile(
      [
        { stack, values: [1, 10, 1, 10], labels: { heap: 'libc.malloc' } },
        { stack, values: [0, 0, 1, 7], labels: { heap: 'v8' } },
      ],
      { unknown: [{ heap: 'v8', types: ['alloc_space'] }] },
    );
    expect(group(profile, 'site').map(({ heap, unknown }) => [heap, unknown])).toEqual([
      ['libc.malloc', []],
      ['v8', ['alloc_space']],
    ]);
    expect(total(profile)).toMatchObject({ values: [1, 10, 2, 17], unknown: ['alloc_space'] });
    expect(total(profile).heap).toBeUndefined();
  });

  it('keeps the measured part apart', () => {
    const all = total(inferenceProfile());
    expect(all.exact[3]).toBe(50 * MIB + 3 * MIB + 1);
    expect(group(inferenceProfile(), 'heap').map(({ exact, values }) => exact[3] === values[3])).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it('has no rows and no share for nothing', () => {
    expect(group(makeProfile([]), 'site')).toEqual([]);
    expect(total(makeProfile([]))).toMatchObject({ values: [0, 0, 0, 0], share: 0 });
  });
});

describe('topSites', () => {
  it('lists the biggest, without those that hold nothing', () => {
    const samples = Array.from({ length: 30 }, (_, i) => ({
      stack: [js(`f${i}`, 'a.js', i + 1)],
      values: [1, 1, 1, i < 20 ? i : 0] as const,
    }));
    const names = (count?: number) => topSites(makeProfile(samples), count).map(({ name }) => name);
    expect(names()).toHaveLength(10);
    expect(names()[0]).toBe('f19 a.js:20');
    expect(names(100)).toHaveLength(19);
  });
});
