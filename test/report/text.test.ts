import { describe, expect, it } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import type { Profile } from '../../src/model/profile.ts';
import { COUNTERS } from '../../src/recording/wire.ts';
import { formatEstimate, keepEnd, printable, shorten, shortenName } from '../../src/report/format.ts';
import { FORMATS, type Paint } from '../../src/report/index.ts';
import { inferenceProfile, js, makeProfile, native, poolProfile, testProcess } from '../helpers/profiles.ts';

const MIB = 1_048_576;
const text = (profile: Profile, paint?: Paint): string =>
  FORMATS.text(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }), ...(paint && { paint }) });

describe('formatEstimate', () => {
  const estimated = (value: number, low: number, high: number) =>
    formatEstimate({ kind: 'estimated', value, low, high }, 'bytes');

  it.each([
    [64.2 * MIB, 61.1 * MIB, 67.3 * MIB, '~ 64.2 MiB ±3.1'],
    [1.2 * MIB, 0.3 * MIB, 4.5 * MIB, '~ 1.2 MiB -0.9 +3.3'],
    [173 * MIB, 163.7 * MIB, 182.3 * MIB, '~ 173 MiB ±9.3'],
    [1_430 * MIB, 1_421 * MIB, 1_442 * MIB, '~ 1.4 GiB ±<0.1'],
    [997, 101, 2_503, '~ 997 B -896 +1,506'],
    [-3.5 * MIB, -4 * MIB, -3 * MIB, '~ -3.5 MiB ±0.5'],
  ])('shows an estimate with its error bar in the same unit', (value, low, high, expected) => {
    expect(estimated(value, low, high)).toBe(expected);
  });

  it('shows measured and unknown numbers differently', () => {
    const value = 50 * MIB;
    expect(formatEstimate({ kind: 'measured', value, low: value, high: value }, 'bytes')).toBe('= 50.0 MiB');
    expect(formatEstimate({ kind: 'unknown', value: null, low: null, high: null }, 'bytes')).toBe('? unknown');
    expect(formatEstimate({ kind: 'unknown', value: null, low: value, high: null }, 'bytes')).toBe('? over 50.0 MiB');
  });

  it('counts in whole numbers', () => {
    expect(formatEstimate({ kind: 'estimated', value: 12_345, low: 12_000, high: 12_690 }, 'count')).toBe(
      '~ 12,345 ±345',
    );
  });
});

describe('names that are too long', () => {
  it.each([
    [
      'onnxruntime::InferenceSession::Run(OrtRunOptions const*, gsl::span<float>)',
      'onnxruntime::InferenceSession::Run',
    ],
    ['Worklist<v8::internal::HeapObject, (unsigned short)64>::Push(int) const', '…bject, (unsigned short)64>::Push'],
    ['(anonymous namespace)::f(std::vector<int, std::allocator<int> > const&)', '(anonymous namespace)::f'],
    [
      'a::very::deep::name::space::that::goes::on::and::on::Session::Run',
      '…at::goes::on::and::on::Session::Run'.slice(-33),
    ],
    ['short(int)', 'short(int)'],
  ])('%s', (name, expected) => {
    const short = shortenName(name, 34);
    expect(short.length).toBeLessThanOrEqual(34);
    expect(short.replace(/^…/, '').endsWith(expected.replace(/^…/, ''))).toBe(true);
  });

  it('keep both ends, or the end', () => {
    expect(shorten('0123456789', 5)).toBe('01…89');
    expect(keepEnd('/a/long/path/file.ts:7', 12)).toBe('…h/file.ts:7');
  });
});

describe('the peak', () => {
  const held = (peakBytes: number, moment: Profile['moment'] = 'end') =>
    text({
      ...makeProfile([{ stack: [native('main', '/bin/p')], values: [1, MIB, 1, MIB] }], {
        processes: [testProcess({ peakBytes })],
      }),
      moment,
    });

  it('is named where little of it is left at the end', () => {
    expect(held(48 * MIB)).toContain('at peak    ~ 48.0 MiB  see it: memprof report DIR --moment peak');
  });

  it('is not where there is nothing to see', () => {
    for (const report of [held(1.9 * MIB), held(3 * MIB), held(48 * MIB, 'peak')])
      expect(report).not.toContain('at peak');
  });
});

it('a shell script that starts hundreds of processes does not fill the screen', () => {
  const processes = Array.from({ length: 23 }, (_, pid) => testProcess({ pid, name: 'sh' }));
  const report = text(makeProfile([], { processes }));
  expect(report.match(/^sh \[/gm)).toHaveLength(8);
  expect(report).toContain('and 15 more: --by process');
});

/** The report must have words for every counter that the sampler keeps. */
it('every counter of the sampler has words', () => {
  const counters = Object.fromEntries(COUNTERS.map((name) => [name, 1]));
  const report = text(makeProfile([], { processes: [testProcess({ counters })] }));
  for (const name of COUNTERS) expect(report).not.toContain(name);
});

describe('the text report', () => {
  it('marks what was measured, estimated and not known, and explains the marks', () => {
    const lines = text(inferenceProfile()).split('\n');
    expect(lines.find((line) => line.startsWith('wasm'))).toContain('= 50.0 MiB');
    expect(lines.find((line) => line.startsWith('libc.malloc'))).toMatch(/~ 89\.0 MiB ±\d/);
    expect(lines.find((line) => line.startsWith('v8'))).toContain('? unknown');
    expect(lines.at(-2)).toBe('= measured   ~ estimated, with its 95 % interval   ? not known here');
  });

  it('shows the line of the program and the native code of each site', () => {
    const report = text(inferenceProfile());
    for (const part of [
      'Decoder.decode  src/engine/decode.ts:42',
      'onnxruntime::InferenceSession::Run',
      'tokenize  src/tokenizer.ts:9',
      'Buffer.alloc',
    ]) {
      expect(report).toContain(part);
    }
  });

  it('tells what was lost', () => {
    const report = text(inferenceProfile());
    expect(report).toContain('  ! 7 samples dropped, table of live ones full; 2 stacks cut at 255 frames');
    expect(text(poolProfile())).not.toContain('!');
    const unheardOf = makeProfile([], { processes: [testProcess({ counters: { new_counter: 3, alloc_samples: 5 } })] });
    expect(text(unheardOf)).toContain('  ! 3 new_counter\n');
  });

  it('tells what the sampler took of the memory itself, where that is known', () => {
    const known = makeProfile([], { processes: [testProcess({ samplerBytes: 15_622_720 })] });
    expect(text(known).replaceAll(/\s+/g, ' ')).toContain('sampler at most 14.9 MiB');
    expect(text(makeProfile([], { processes: [testProcess()] }))).not.toContain('sampler');
  });

  it('fits into 80 columns, whatever the names', () => {
    const long = `ns::${'Template<int, '.repeat(30)}>::method(std::vector<float, std::allocator<float> >)`;
    const deep = `/home/user/${'a-long-directory/'.repeat(20)}file.ts`;
    const profile = makeProfile(
      [
        {
          stack: [js('x'.repeat(200), deep, 123_456), native(long, `/usr/lib/${'lib'.repeat(60)}.so.1`)],
          values: [1, 1_023.9 * MIB, 1, 1_023.9 * MIB],
          variances: [1, 1_023 * MIB * MIB, 1, 1_023 * MIB * MIB],
          labels: { heap: 'libc.malloc' },
        },
      ],
      {
        processes: [testProcess({ name: 'n'.repeat(99), nativeMeanAtEndBytes: 1_048_576 })],
        notices: [{ code: 'X', message: 'word '.repeat(60), pid: 4_711 }],
      },
    );
    for (const profiles of [profile, inferenceProfile(), poolProfile()]) {
      for (const line of text(profiles).split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  it('lets no name of the program steer the terminal', () => {
    const evil = '\u001b]0;owned\u0007\r\nsecond line\u009b31m';
    const profile = makeProfile(
      [
        {
          stack: [js(evil, `${evil}.js`, 1), native(evil, `/lib/${evil}`)],
          values: [1, 1, 1, 1],
          labels: { heap: evil, arena: evil },
        },
      ],
      {
        processes: [testProcess({ name: evil })],
        notices: [{ code: 'X', message: evil }],
      },
    );
    expect(text(profile).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(printable(evil)).toBe(']0;owned second line 31m');
  });

  it('colours by role, through the paint that it is given, without moving a column', () => {
    // As chalk does: more than one argument is joined.
    const mark =
      (name: string) =>
      (...parts: unknown[]) =>
        `<${name}>${parts.join(' ')}</>`;
    const paint: Paint = {
      heading: mark('heading'),
      measured: mark('measured'),
      estimated: mark('estimated'),
      unknown: mark('unknown'),
      dim: mark('dim'),
      warning: mark('warning'),
    };
    const painted = text(inferenceProfile(), paint);
    expect(painted).toContain('<measured>= 50.0 MiB</>');
    expect(painted).toContain('<unknown>? unknown</>');
    expect(painted).toMatch(/<estimated>~ 89\.0 MiB ±[\d.]+<\/>/);
    expect(
      painted.replace(/<\/?\w*>/g, (tag) =>
        /^<(\/|heading|measured|estimated|unknown|dim|warning)>$/.test(tag) ? '' : tag,
      ),
    ).toBe(text(inferenceProfile()));
  });

  it('says so where nothing was in use', () => {
    expect(text(makeProfile([]))).toContain('nothing was in use');
  });
});
