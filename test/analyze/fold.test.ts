import { describe, expect, it } from 'vitest';
import { COMPACT_MAX_STACKS, fold, SPEEDSCOPE_MAX_STACKS } from '../../src/analyze/fold.ts';
import { group } from '../../src/analyze/group.ts';
import { frameReader } from '../../src/model/frames.ts';
import type { Profile } from '../../src/model/profile.ts';
import { inferenceProfile, js, makeProfile } from '../helpers/profiles.ts';

function manyStacks(count: number): Profile {
  const arenas = ['glibc#0', 'glibc#1', 'glibc#2'];
  return makeProfile(
    Array.from({ length: count }, (_, i) => ({
      stack: [js('root', 'a.js', 1), js(`f${i % 997}`, 'a.js', (i % 97) + 1), js(`g${i % 991}`, 'b.js', 1)],
      values: [i, i * 3, i, i * 2 + 1] as const,
      variances: [i, i, i, i] as const,
      observations: 1,
      labels: { arena: arenas[i % 3] ?? '' },
    })),
  );
}

describe('fold', () => {
  it('leaves a small profile alone', () => {
    const profile = inferenceProfile();
    expect(fold(profile, SPEEDSCOPE_MAX_STACKS)).toBe(profile);
  });

  it('keeps the biggest stacks and every total of every arena', () => {
    const profile = manyStacks(10_007);
    const folded = fold(profile, COMPACT_MAX_STACKS);
    expect(folded.samples).toHaveLength(4_000);
    expect(folded.samples[0]).toBe(profile.samples[10_006]);
    const sums = (of: Profile) =>
      group(of, 'arena').map(({ name, values, variances, observations }) => ({
        name,
        values,
        variances,
        observations,
      }));
    expect(sums(folded)).toEqual(sums(profile));
  });

  it('says on the flame graph and in a notice how many were folded', () => {
    const folded = fold(manyStacks(101), 13);
    const read = frameReader(folded);
    const names = folded.samples.slice(10).map((sample) => read(sample).map(({ name }) => name));
    expect(names).toHaveLength(3);
    // 101 stacks, 13 places, one of them for each of the three arenas: 91 are folded.
    const counts = names.map(([name]) => Number(/^\[folded: (\d+) small stacks\]$/.exec(name ?? '')?.[1]));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(91);
    expect(folded.notices.at(-1)).toMatchObject({ code: 'STACKS_FOLDED', message: expect.stringContaining('91') });
  });

  it('keeps totals even with more label sets than places', () => {
    const folded = fold(manyStacks(11), 2);
    expect(folded.samples.reduce((sum, { values }) => sum + values[3], 0)).toBe(
      manyStacks(11).samples.reduce((sum, { values }) => sum + values[3], 0),
    );
    expect(folded.samples).toHaveLength(3);
  });
});
