import { describe, expect, test } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import type { LedgerInputs, LedgerPart } from '../../src/model/ledger.ts';
import type { Profile } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { makeProfile } from '../helpers/profiles.ts';

const MIB = 1_048_576;

function inputs(pid: number, moment: 'peak' | 'end', rssMib: number, more: Partial<LedgerInputs> = {}): LedgerInputs {
  const rssBytes = rssMib * MIB;
  const part = (line: LedgerPart['line'], share: number, certainty: LedgerPart['certainty'] = 'measured') => ({
    line,
    bytes: rssBytes * share,
    certainty,
    errorBytes: certainty === 'estimated' ? MIB : 0,
    source: 'test',
  });
  return {
    pid,
    name: 'node',
    moment,
    timeNs: 1_760_000_001_000_000_000n,
    durationNs: 1,
    retries: 0,
    parts: [
      part('malloc', 0.75),
      part('binaries', 0.125),
      part('allocator', 0.109375, 'estimated'),
      part('bss', 1 / 128),
    ],
    rssBytes,
    pssBytes: rssBytes,
    rssBeforeBytes: rssBytes,
    rssAfterBytes: rssBytes,
    statusRssBytes: rssBytes,
    highWaterBytes: rssBytes,
    mallocUse: {
      liveBytes: rssBytes / 2,
      freeBytes: rssBytes / 4,
      topBytes: 0,
      cachedBytes: 0,
      unreachedBytes: 0,
      untouchedBytes: 0,
      liveChunks: 1,
    },
    apart: [],
    unseen: [],
    ...more,
  };
}

function blockOf(profile: Profile): string[] {
  const text = FORMATS.text(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }) });
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith('RSS '));
  return from === -1 ? [] : lines.slice(from, lines.indexOf('', from));
}

describe('where resident memory is, in the report', () => {
  test('a line for each part, the small ones added up, and what is left over', () => {
    expect(blockOf(makeProfile([], { ledgers: [inputs(7, 'peak', 256), inputs(7, 'end', 128)] }))).toEqual([
      'RSS at the end                                      = 128 MiB',
      'malloc heaps                                        = 96.0 MiB            75.0 %',
      '  live                                              = 64.0 MiB            50.0 %',
      '  retained: free, and kept by malloc                = 32.0 MiB            25.0 %',
      'binaries and libraries, clean pages                 = 16.0 MiB            12.5 %',
      'heaps of another allocator                          ~ 14.0 MiB ±1.0       10.9 %',
      '1 smaller line: memprof ledger DIR                  = 1.0 MiB              0.8 %',
      'residual: not explained                             ? 1.0 MiB              0.8 %',
    ]);
  });

  test('the peak where the report is of the peak', () => {
    const profile = makeProfile([], { ledgers: [inputs(7, 'peak', 256), inputs(7, 'end', 128)] });
    expect(blockOf({ ...profile, moment: 'peak' })[0]).toMatch(/^RSS at its highest {34}= 256 MiB$/);
  });

  test('of several processes the largest, by name', () => {
    const ledgers = [inputs(7, 'end', 128), inputs(8, 'end', 256)];
    expect(blockOf(makeProfile([], { ledgers }))[0]).toMatch(
      /^RSS at the end of node \[8\], the largest of 2 += 256 MiB$/,
    );
  });

  test('an end that was not read says how long before it this is', () => {
    const late = inputs(7, 'end', 128, { beforeEndNs: 1_200_000_000 });
    expect(blockOf(makeProfile([], { ledgers: [late] }))[0]).toMatch(/^RSS 1\.2 s before the end += 128 MiB$/);
  });

  test('a self-check that fails is said', () => {
    const wrong = inputs(7, 'end', 128, { statusRssBytes: 256 * MIB });
    expect(blockOf(makeProfile([], { ledgers: [wrong] })).at(-2)).toMatch(/^cannot be trusted: RSS: VmRSS of/);
  });

  test('nothing where no process was read', () => {
    expect(blockOf(makeProfile([]))).toEqual([]);
  });
});

test('summary.json has the lines of both moments, and their sum is RSS', () => {
  const ledgers = [inputs(7, 'peak', 256), inputs(7, 'end', 128)];
  const [ledger] = summarize(makeProfile([], { ledgers }), { memprofVersion: '0.0.0' }).ledger;
  expect(ledger).toMatchObject({ pid: 7, name: 'node', highWaterBytes: 256 * MIB });
  for (const moment of [ledger?.peak, ledger?.end]) {
    expect(moment?.lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(moment?.rssBytes);
    expect(moment?.lines.map(({ name }) => name)).toEqual(['binaries', 'bss', 'malloc', 'allocator', 'residual']);
    expect(moment?.lines.find(({ name }) => name === 'malloc')?.parts?.map(({ name }) => name)).toEqual([
      'live',
      'retained',
    ]);
  }
});
