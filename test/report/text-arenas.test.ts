import { describe, expect, it } from 'vitest';
import { type GroupBy, group } from '../../src/analyze/group.ts';
import { summarize } from '../../src/analyze/summary.ts';
import type { Profile } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { arenaUse, poolUse, sampledUse } from '../helpers/arenas.ts';
import { js, makeProfile, type TestSample, testProcess } from '../helpers/profiles.ts';

const MIB = 1_048_576;
const STARTED_NS = 1_760_000_000_000_000_000n;
const at = (seconds: number): bigint => STARTED_NS + BigInt(Math.round(seconds * 1e9));

const text = (profile: Profile, by?: GroupBy): string =>
  FORMATS.text(profile, { summary: summarize(profile, { memprofVersion: '0.0.0', ...(by && { by }) }) });

const holds = (pool: string, number: number, bytes: number): TestSample => ({
  stack: [js('acquire', 'src/pool.ts', 9)],
  values: [1, bytes, 1, bytes],
  labels: { pool, arena: `${pool}#${number}` },
});

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('--by arena', () => {
  it('shows a leak in the line of its pool, and of arenas that nobody released', () => {
    const profile = makeProfile(
      numbers(200).map((number) => holds('kv-cache', number, MIB)),
      {
        arenas: numbers(200).map((number) =>
          arenaUse('kv-cache', number, { createdNs: at(number / 50), liveBytes: MIB, peakBytes: MIB }),
        ),
        pools: [
          poolUse('kv-cache', {
            ...{ arenas: 200, holdingArenas: 200, peakArenas: 200, misses: 200, sizes: 1 },
            ...{ peakBytes: 200 * MIB, liveBytes: 200 * MIB, budgetBytes: 64 * MIB },
          }),
        ],
      },
    );
    const report = text(profile, 'arena');
    expect(report).toMatch(/^kv-cache +~? ?= 200 MiB +~? ?= 200 MiB +200 +200 +200 +0 +200 +1$/m);
    expect(report).toContain('! kv-cache: its peak is 136 MiB over its budget of 64.0 MiB');
    expect(report).toMatch(/^kv-cache#1 += 1\.0 MiB += 1\.0 MiB +not released$/m);
    expect(report).toContain('and 195 more of kv-cache: 195 MiB in use, largest peak 1.0 MiB');
  });

  it('tells memory that stayed after its release, and memory that is still there', () => {
    const life = { createdNs: at(1), releasedNs: at(2), lastAllocationNs: at(1.5) };
    const profile = makeProfile([holds('request', 2, MIB)], {
      arenas: [
        arenaUse('request', 1, { ...life, peakBytes: 3 * MIB, lastFreedNs: at(12.5), freedElsewhereBytes: 5 * MIB }),
        arenaUse('request', 2, { ...life, peakBytes: 2 * MIB, liveBytes: MIB, liveAfterReleaseBytes: MIB }),
        arenaUse('request', 3, { ...life, peakBytes: MIB, lastFreedNs: at(2.1) }),
        arenaUse('request', 4, { ...life, peakBytes: MIB, lastFreedNs: at(2.1) }),
        arenaUse('alone', 1, { ...life, peakBytes: MIB, lastFreedNs: at(2.1) }),
      ],
      pools: [
        poolUse('request', {
          ...{ releasedArenas: 3, lateArenas: 2, longestHeldNs: 10_500_000_000n, liveAfterReleaseBytes: MIB },
          ...{ doubleReleases: 3, usesAfterRelease: 4_567, folded: 5 },
        }),
      ],
    });
    const report = text(profile, 'arena');
    expect(report).toMatch(/^request#1 .* held 10\.5 s$/m);
    expect(report).toContain(
      '  made +1.00 s, last allocation +1.50 s, released +2.00 s, empty +12.50 s\n  5.0 MiB freed in another arena\n',
    );
    expect(report).toMatch(/^request#2 .* 1\.0 MiB left$/m);
    // Empty in time: nothing to tell of them alone.
    expect(report).not.toContain('request#3');
    expect(report).toContain('  and 2 more of request: 0 B in use, largest peak 1.0 MiB');
    expect(report).toMatch(/^alone#1 .* nothing$/m);
    for (const line of [
      '! request: 2 of 3 released arenas held memory on, up to 10.5 s',
      '! request: 1.0 MiB of released arenas are still in use',
      '! request: released again after its release: 3 times',
      '! request: used after its release: 4,567 times',
      '! request: too many arenas to tell all apart: 5 have no name',
    ]) {
      expect(report).toContain(line);
    }
  });

  it('takes what may be garbage for no fault, and tells a pool in which nothing is ever found', () => {
    const profile = makeProfile([], {
      pools: [
        poolUse('request', { releasedArenas: 100, lateArenas: 37, longestHeldNs: 2_600_000_000n }),
        poolUse('tensors', { misses: 9_600 }),
        poolUse('rare', { hits: 3, misses: 9_597 }),
        poolUse('young', { misses: 99 }),
        poolUse('good', { hits: 196, misses: 4 }),
      ],
    });
    const report = text(profile, 'pool');
    expect(report).toContain(
      '- request: 37 of 100 released arenas held memory on, up to 2.6 s: garbage, if\n  none was collected before\n',
    );
    expect(report).toContain('! tensors: none of 9,600 was found in the pool\n');
    expect(report).toContain('! rare: only 3 of 9,600 was found in the pool\n');
    expect(report.match(/^!/gm)).toHaveLength(2);
  });

  it('marks counts of arenas that may be higher, since small memory is sampled', () => {
    const sampled = { sampling: sampledUse(8, 1_024, 0.5), peakBytes: 8_192 };
    const profile = makeProfile([], {
      pools: [
        poolUse('some', { ...sampled, arenas: 100, holdingArenas: 92, peakArenas: 93 }),
        poolUse('all', { ...sampled, arenas: 4, holdingArenas: 4, peakArenas: 4 }),
        poolUse('none', { ...sampled, arenas: 60, peakArenas: 28 }),
        poolUse('exact', { arenas: 100, holdingArenas: 92, peakArenas: 93 }),
      ],
    });
    const counts = (pool: string): string[] => {
      const line = text(profile, 'pool')
        .split('\n')
        .find((candidate) => candidate.startsWith(`${pool} `));
      return line?.split(/ +/).slice(-4, -1) ?? [];
    };
    expect(counts('some')).toEqual(['100', '≥92', '≥93']);
    expect(counts('all')).toEqual(['4', '4', '4']);
    expect(counts('none')).toEqual(['60', '0', '≥28']);
    expect(counts('exact')).toEqual(['100', '92', '93']);
  });

  it('shows pools with a fault first, and one line for a pool whose arenas are all empty', () => {
    const profile = makeProfile([holds('big', 1, 9 * MIB), holds('late', 7, MIB)], {
      arenas: [
        arenaUse('big', 1, { peakBytes: 9 * MIB, liveBytes: 9 * MIB }),
        arenaUse('late', 7, { peakBytes: MIB, liveBytes: MIB }),
        ...numbers(60).map((number) => arenaUse('request', number, { peakBytes: MIB, lastFreedNs: at(3) })),
      ],
      pools: [poolUse('big'), poolUse('late', { usesAfterRelease: 1 }), poolUse('request', { arenas: 60 })],
    });
    const lines = text(profile, 'arena').split('\n');
    const from = (start: string): number => lines.findIndex((line) => line.startsWith(start));
    expect(from('late ')).toBe(from('Pools') + 1);
    expect(from('late#7')).toBe(from('By arena') + 1);
    expect(lines).toContain('  60 of request: 0 B in use, largest peak 1.0 MiB');
    expect(lines.filter((line) => line.startsWith('request'))).toHaveLength(1);
  });

  it('keeps to 80 columns, whatever names and numbers there are', () => {
    const pool = 'a\tpool\nwith a \u001b[31mname\u2028 that is long beyond reason'.repeat(3);
    const life = { createdNs: at(0), releasedNs: at(100_000), lastAllocationNs: at(99_999) };
    const big = 987_654_321_987;
    const sampling = sampledUse(1_000, big / 1_000, 0.5);
    const use = { peakBytes: big, allocatedBytes: big, churnBytes: big, hits: big, misses: big, sampling };
    const profile = makeProfile([holds(pool, 4_000_000_000, big)], {
      processes: [testProcess(), testProcess({ pid: 4_194_303 })],
      arenas: [
        arenaUse(pool, 4_000_000_000, { ...life, ...use, lastFreedNs: at(399_999), freedElsewhereBytes: big }),
        arenaUse(pool, 4_000_000_000, { ...life, ...use, pid: 4_194_303, liveAfterReleaseBytes: big }),
      ],
      pools: [
        poolUse(pool, {
          ...use,
          ...{ arenas: 65_536, holdingArenas: 65_536, peakArenas: 65_536, sizes: 10_000, budgetBytes: 17 },
          ...{ lateArenas: 65_000, releasedArenas: 65_536, longestHeldNs: 10n ** 15n, liveAfterReleaseBytes: big },
        }),
      ],
    });
    for (const by of [undefined, 'arena', 'pool'] as const) {
      const report = text(profile, by);
      for (const line of report.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: names come from the program, and none may steer a terminal
      expect(report).not.toMatch(/[\0-\x09\x0b-\x1f\u2028]/);
    }
  });

  it('is a plain table for profiles that know no lives', () => {
    const rule = { ...holds('weights', 1, MIB), labels: { arena: 'onnxruntime:initializers' } };
    const report = text(makeProfile([holds('kv', 1, MIB), rule]), 'arena');
    expect(report).toContain('…xruntime:initializers = 1.0 MiB');
    expect(report).toMatch(/^By arena +in use +allocated +share$/m);
    expect(report).not.toContain('Pools');
  });
});

it('says how many pools there are besides those that are shown, and where they are', () => {
  const pools = numbers(150).map((i) => poolUse(`p${i}`));
  const profile = makeProfile([], { pools });
  expect(text(profile)).toContain('and 142 more pools: --by pool\n');
  expect(text(profile, 'pool')).toContain('and 110 more pools: --format json\n');
});

it('gives colours one text at a time', () => {
  // The terminal's take more: `lines.map(paint.warning)` would print the index.
  const strict = (...texts: string[]): string => {
    expect(texts).toHaveLength(1);
    return texts[0] ?? '';
  };
  const paint = {
    heading: strict,
    measured: strict,
    estimated: strict,
    unknown: strict,
    dim: strict,
    warning: strict,
  };
  const profile = makeProfile([holds('kv', 1, MIB)], {
    arenas: [arenaUse('kv', 1, { createdNs: at(1) })],
    pools: [poolUse('kv', { doubleReleases: 1 })],
  });
  const summary = summarize(profile, { memprofVersion: '0.0.0', by: 'arena' });
  expect(FORMATS.text(profile, { summary, paint })).toContain('! kv: released again after its release: once');
});

it('shows several labels in full', () => {
  const profile = makeProfile([{ ...holds('kv', 1, MIB), labels: { label: 'model=tiny-llama-1b,tenant=globex' } }]);
  expect(text(profile, 'label')).toMatch(/^model=tiny-llama-1b,tenant=globex\n {23}= 1\.0 MiB +=/m);
});

it('long lists of pools, labels and stages end with how many more there are', () => {
  const samples = numbers(1_500).map((i) => ({
    stack: [js('f', 'a.js', 1)],
    values: [1, i, 1, i] as const,
    labels: { label: `tenant=${i}`, stage: `s${i}`, pool: `p${i}` },
  }));
  for (const by of ['label', 'stage', 'pool'] as const) {
    const report = text(makeProfile(samples), by);
    const shown = numbers(1_500)
      .slice(-40)
      .reduce((sum, i) => sum + i, 0);
    expect(report).toContain(`and 1,460 more: ${(((1_500 * 1_501) / 2 - shown) / 1024 / 1024).toFixed(1)} MiB in use`);
    expect(group(makeProfile(samples), by)).toHaveLength(1_500);
  }
});
