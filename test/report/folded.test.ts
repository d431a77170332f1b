import { describe, expect, it } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { escapeFrame, writeFolded } from '../../src/report/folded.ts';
import { inferenceProfile, js, makeProfile, native, poolProfile } from '../helpers/profiles.ts';

/** Reads a line as flamegraph.pl does: everything up to the last blank is the stack. */
function parse(folded: string): [frames: string[], bytes: number][] {
  return folded
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const found = /^(.*)\s(-?\d+)$/.exec(line);
      if (!found) throw new Error(`no folded line: ${line}`);
      return [(found[1] ?? '').split(';'), Number(found[2])];
    });
}

/** Frames made of all that could go wrong, the same ones each time. */
function oddNames(count: number): string[] {
  const pieces = [
    ';',
    '\n',
    '\r\n',
    ' ',
    '  ',
    '\t',
    '\u2028',
    '\0',
    '1',
    ' 42',
    'a',
    'é',
    '日本',
    '"',
    '\\',
    '😀',
    '::',
    '()',
  ];
  let state = 7_919;
  const next = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: next(9) }, () => pieces[next(pieces.length)] ?? '').join(''),
  );
}

describe('folded stacks', () => {
  it('are one line each, root first, with the heap in front', () => {
    const lines = parse(writeFolded(inferenceProfile()));
    expect(lines).toHaveLength(5);
    const [frames, bytes] = lines.find(([frames]) => frames.includes('malloc')) ?? [[], 0];
    expect(frames[0]).toBe('libc.malloc');
    expect(frames[1]).toBe('serve (src/server.ts:17)');
    expect(bytes).toBe((64 + 23) * 1_048_576);
  });

  it('keep their number of frames and their bytes, whatever the names are', () => {
    const names = oddNames(2_003);
    for (let i = 0; i + 2 < names.length; i += 3) {
      const stack = names
        .slice(i, i + 3)
        .map((name, depth) => (depth === 2 ? native(name, '/lib/x.so') : js(name, name, i)));
      const [line, ...more] = parse(writeFolded(makeProfile([{ stack, values: [0, 0, 1, i + 1] }])));
      expect(more).toEqual([]);
      expect(line?.[0]).toHaveLength(4);
      expect(line?.[1]).toBe(i + 1);
      for (const frame of line?.[0] ?? []) expect(frame).not.toBe('');
    }
  });

  it('leave plain names alone', () => {
    for (const name of ['operator new(unsigned long)', 'f (src/a.ts:3)', 'naïve::日本'])
      expect(escapeFrame(name)).toBe(name);
    expect(escapeFrame('a;b\nc')).toBe('a:b c');
  });

  it('write large numbers in full, keep negative ones and leave out zero', () => {
    const sample = (name: string, bytes: number) => ({ stack: [js(name, '', 0)], values: [0, 0, 0, bytes] as const });
    const profile = makeProfile([sample('a', 2 ** 52), sample('b', -3_000_000_019), sample('c', 0), sample('d', 0.4)]);
    expect(writeFolded(profile)).toBe('libc.malloc;a 4503599627370496\nlibc.malloc;b -3000000019\n');
  });

  it('are nothing for nothing', () => {
    expect(writeFolded(makeProfile([]))).toBe('');
  });
});

it.each([
  ['pool', 'kv-cache;serve'],
  ['arena', 'kv-cache;kv-cache#0;serve'],
  ['stage', 'decode;kv-cache;kv-cache#0;serve'],
  ['label', '(no label);kv-cache;kv-cache#0;serve'],
] as const)('--by %s puts it in front of the call path', (by, start) => {
  const summary = summarize(poolProfile(), { memprofVersion: '0.0.0', by });
  const text = writeFolded(poolProfile(), { summary });
  expect(parse(text).some(([frames]) => `${frames.join(';')};`.startsWith(start))).toBe(true);
  const sum = parse(text).reduce((all, [, bytes]) => all + bytes, 0);
  expect(sum).toBe(poolProfile().samples.reduce((all, { values }) => all + values[3], 0));
});
