import { gunzipSync, gzipSync } from 'node:zlib';
import {
  Function as Fn,
  Line,
  Location,
  Mapping,
  Profile as Pprof,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import { describe, expect, it } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { MemprofError } from '../../src/errors.ts';
import { frameReader } from '../../src/model/frames.ts';
import type { Profile } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { readPprof } from '../../src/report/pprof-read.ts';
import { createProtobufWriter } from '../../src/report/protobuf.ts';
import {
  approximateProfile,
  inferenceProfile,
  js,
  makeProfile,
  poolProfile,
  testProcess,
} from '../helpers/profiles.ts';

const summaryOf = (profile: Profile) => summarize(profile, { memprofVersion: '0.0.0' });
const encode = (profile: Profile) => FORMATS.pprof(profile, { summary: summaryOf(profile) });

/** Everything that a stack shows, whatever its ids. */
function spell(profile: Profile) {
  const frames = frameReader(profile);
  return profile.samples.map((sample) => ({
    frames: frames(sample),
    values: sample.values,
    labels: { ...sample.labels },
  }));
}

describe('our own profiles', () => {
  it.each([
    ['inference', inferenceProfile()],
    ['pools', poolProfile()],
    ['approximate lines', approximateProfile()],
    ['empty', makeProfile([])],
  ])('come back with every frame, value and label: %s', (_, profile) => {
    const back = readPprof(encode(profile));
    expect(spell(back)).toEqual(spell(profile));
    expect(back.mappings).toEqual(profile.mappings);
    expect(back.startedAtNs).toBe(profile.startedAtNs);
    expect(back.durationNs).toBe(profile.durationNs);
    expect(back.periodBytes).toBe(profile.periodBytes);
    expect(back.unknown).toEqual(profile.unknown);
    expect(back.notices).toEqual(profile.notices);
    expect(back.processes).toEqual(
      profile.processes.map((process) => ({ ...process, counters: {}, peakBytes: 0, peakTimeNs: 0n })),
    );
  });

  it('keep the difference between measured, estimated and unknown', () => {
    const rows = summaryOf(readPprof(encode(inferenceProfile()))).heaps;
    const kinds = Object.fromEntries(rows.map((row) => [row.heap, [row.inuse_space.kind, row.alloc_space.kind]]));
    expect(kinds).toEqual({
      'libc.malloc': ['estimated', 'estimated'],
      v8: ['estimated', 'unknown'],
      wasm: ['measured', 'measured'],
      mmap: ['measured', 'measured'],
    });
  });

  it('keep odd names of processes', () => {
    const processes = [testProcess({ name: 'a b=c %41 é', forked: true }), testProcess({ pid: 4_712 })];
    expect(
      readPprof(encode(makeProfile([], { processes }))).processes.map(({ name, forked }) => [name, forked]),
    ).toEqual([
      ['a b=c %41 é', true],
      ['node', false],
    ]);
  });

  it('read negative numbers as negative, although the wire has them unsigned', () => {
    const profile = makeProfile([{ stack: [js('f', 'a.js', 1)], values: [-1, -2, -3, -5_000_000_029] }]);
    expect(readPprof(encode(profile)).samples[0]?.values).toEqual([-1, -2, -3, -5_000_000_029]);
  });

  it('derive the error bars that sampling gives small objects', () => {
    // 1,009 samples of small objects at a mean of 64 KiB.
    const bytes = 1_009 * 65_536;
    const profile = makeProfile([{ stack: [js('f', 'a.js', 1)], values: [0, 0, bytes / 16, bytes] }]);
    const [sample] = readPprof(encode(profile)).samples;
    expect(Math.sqrt(sample?.variances[3] ?? 0) / bytes).toBeCloseTo(1 / Math.sqrt(1_009), 4);
    expect(sample?.observations).toBe(1_009);
  });
});

interface Foreign {
  readonly types: readonly (readonly [type: string, unit: string])[];
  readonly values: readonly number[];
  readonly ids?: readonly [fn: bigint, mapping: bigint, location: bigint];
  readonly period?: number;
  readonly comment?: string;
}

function foreign({ types, values, ids = [7n, 3n, 9n], period = 524_288, comment }: Foreign): Uint8Array {
  const strings = new StringTable();
  const s = (text: string) => strings.dedup(text);
  const [fn, mapping, location] = ids;
  return new Pprof({
    stringTable: strings,
    sampleType: types.map(([type, unit]) => new ValueType({ type: s(type), unit: s(unit) })),
    sample: [new Sample({ locationId: [location], value: [...values] })],
    mapping: [new Mapping({ id: mapping, filename: s('/bin/server'), memoryStart: 0x1000, memoryLimit: 0x2000 })],
    location: [
      new Location({
        id: location,
        mappingId: mapping,
        address: 0x1010,
        line: [new Line({ functionId: fn, line: 12 })],
      }),
    ],
    function: [new Fn({ id: fn, name: s('main.handle'), filename: s('/src/main.go') })],
    periodType: new ValueType({ type: s('space'), unit: s('bytes') }),
    period,
    ...(comment !== undefined && { comment: [s(comment)] }),
  }).encode();
}

describe('profiles of other tools', () => {
  it("reads Go's four columns in any order, without gzip", () => {
    const types = [
      ['inuse_space', 'bytes'],
      ['inuse_objects', 'count'],
      ['alloc_space', 'bytes'],
      ['alloc_objects', 'count'],
    ] as const;
    const profile = readPprof(foreign({ types, values: [4_001, 3, 2_003, 1] }));
    expect(profile.samples[0]?.values).toEqual([1, 2_003, 3, 4_001]);
    expect(profile.unknown).toEqual([]);
    const [frame] = spell(profile)[0]?.frames ?? [];
    expect(frame).toMatchObject({ name: 'main.handle', file: '/src/main.go', line: 12, kind: 'native' });
  });

  it('reads the two columns of @datadog/pprof and says that the others are unknown', () => {
    const types = [
      ['objects', 'count'],
      ['space', 'bytes'],
    ] as const;
    const profile = readPprof(gzipSync(foreign({ types, values: [3, 4_001] })));
    expect(profile.samples[0]?.values).toEqual([0, 0, 3, 4_001]);
    expect(profile.unknown).toEqual([{ heap: 'heap', types: ['alloc_objects', 'alloc_space'] }]);
    expect(summaryOf(profile).total.alloc_space.kind).toBe('unknown');
  });

  it('takes ids of 64 bits', () => {
    const ids = [2n ** 64n - 59n, 2n ** 63n + 29n, 2n ** 53n + 1n] as const;
    const profile = readPprof(foreign({ types: [['inuse_space', 'bytes']], values: [7_919], ids }));
    expect(spell(profile)[0]?.frames.map(({ name }) => name)).toEqual(['main.handle']);
  });

  it('takes a period of 1 for an exact profile', () => {
    const profile = readPprof(foreign({ types: [['inuse_space', 'bytes']], values: [7_919], period: 1 }));
    expect(summaryOf(profile).total.inuse_space).toEqual({ kind: 'measured', value: 7_919, low: 7_919, high: 7_919 });
  });

  it("keeps another tool's comments, even those that look like ours", () => {
    const comment = 'process: pid=x';
    const profile = readPprof(foreign({ types: [['inuse_space', 'bytes']], values: [1], comment }));
    expect(profile.notices).toEqual([{ code: 'PPROF_COMMENT', message: comment }]);
  });
});

it('takes repeated numbers one by one, as old writers have them, and passes over what it does not know', () => {
  const out = createProtobufWriter();
  const texts = ['', 'inuse_space', 'bytes', 'kept'];
  out.message(1, () => {
    out.integer(1, 1);
    out.integer(2, 2);
  });
  out.message(2, () => {
    for (const id of [2 ** 56, 7, 2 ** 56]) out.integer(1, BigInt(id));
    out.integer(2, -5_000_000_029);
  });
  for (const id of [2 ** 56, 7]) {
    out.message(4, () => {
      out.integer(1, BigInt(id));
      out.message(4, () => out.integer(1, 1));
    });
  }
  out.message(5, () => {
    out.integer(1, 1);
    out.integer(2, 3);
  });
  for (const text of texts) out.text(6, text);
  const unknown = Buffer.from([0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0x9d, 0x06, 1, 2, 3, 4]);
  const profile = readPprof(Buffer.concat([out.bytes(), unknown]));
  expect(spell(profile).map(({ frames, values }) => [frames.map(({ name }) => name), values])).toEqual([
    [
      ['kept', 'kept', 'kept'],
      [0, 0, 0, -5_000_000_029],
    ],
  ]);
});

describe('bad input', () => {
  const good = foreign({ types: [['inuse_space', 'bytes']], values: [1] });
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(), /empty/],
    ['text', Buffer.from('not a profile\n'), /damaged|sample types/],
    ['JSON', Buffer.from('{"version": 1}'), /damaged|sample types/],
    ['a cut gzip stream', gzipSync(good).subarray(0, 40), /gzip/],
    ['something else in gzip', gzipSync('hello'), /damaged|sample types/],
    ['a CPU profile', foreign({ types: [['cpu', 'nanoseconds']], values: [1] }), /no heap profile.*cpu/],
    [
      'a sample with too few values',
      foreign({
        types: [
          ['a', 'b'],
          ['inuse_space', 'bytes'],
        ],
        values: [1],
      }),
      /1 values for 2/,
    ],
  ];
  it.each(cases)('says what is wrong and exits with 2: %s', (_, bytes, message) => {
    let error: unknown;
    try {
      readPprof(bytes, 'x.pb.gz');
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(MemprofError);
    expect(error).toMatchObject({ code: 'PPROF_INVALID', exitCode: 2 });
    expect((error as MemprofError).message).toMatch(message);
    expect((error as MemprofError).message).toContain('x.pb.gz');
    expect((error as MemprofError).hint).toBeTruthy();
  });

  it('cut off or flipped anywhere is read or refused, never a crash', () => {
    const raw = gunzipSync(encode(inferenceProfile()));
    let refused = 0;
    const attempt = (bytes: Uint8Array) => {
      try {
        readPprof(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MemprofError);
        refused++;
      }
    };
    for (let length = 0; length < raw.length; length += 13) attempt(raw.subarray(0, length));
    for (let at = 0; at < raw.length; at += 7) {
      const flipped = Uint8Array.from(raw);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      attempt(flipped);
    }
    expect(refused).toBeGreaterThan(50);
  });
});

it('a gzip bomb is refused before it fills the memory', () => {
  const bomb = gzipSync(Buffer.alloc(257 << 20));
  expect(bomb.length).toBeLessThan(1 << 20);
  expect(() => readPprof(bomb, 'bomb.pb.gz')).toThrow('unpacks to more than 256 MiB');
});
