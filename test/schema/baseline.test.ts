import { expect, it } from 'vitest';
import { MemprofError } from '../../src/errors.ts';
import type { Baseline } from '../../src/model/gate.ts';
import { parseBaseline, writeBaseline } from '../../src/schema/baseline.ts';

const baseline: Baseline = {
  command: ['node', 'a "b".mjs'],
  environment: {
    memprof: '0.1.0',
    node: 'v24.0.0',
    arch: 'x64',
    libc: 'glibc',
    cpus: 2,
    kernel: '6.1.0',
    sampleBytes: 8192,
    v8IntervalBytes: 65_536,
  },
  runs: 3,
  series: [{ scope: 'pool', name: 'kv', quantity: 'live', values: [1009, 1013, 1019], variance: 49 }],
  sites: [{ site: 'fill cache.mjs', arena: 'kv#1', liveBytes: 1009, allocatedBytes: 2003 }],
};
const text = writeBaseline(baseline);

function complaint(content: string): string {
  try {
    parseBaseline(content, 'b.json');
  } catch (error) {
    if (!(error instanceof MemprofError)) throw error;
    expect({ code: error.code, exitCode: error.exitCode }).toEqual({ code: 'BAD_BASELINE', exitCode: 2 });
    return error.message;
  }
  return 'nothing wrong';
}

it('comes back as it was written, a line a measure', () => {
  expect(parseBaseline(text, 'b.json')).toEqual(baseline);
  expect(text.split('\n').filter((line) => line.includes('"kv"'))).toHaveLength(1);
});

it('cut off anywhere it is refused, with the place', () => {
  for (let end = 0; end < text.trimEnd().length; end++) {
    expect(complaint(text.slice(0, end)), String(end)).toMatch(/^b\.json:\d+:\d+: /);
  }
});

it.each([
  ['another version', ['"version": 1', '"version": 9'], /b\.json:2:14: version 9 is not known; this memprof knows 1$/],
  ['a negative number', ['1009,1013', '-1009,1013'], /b\.json:7:\d+: .*is negative$/],
  ['not a number', ['1009,1013', 'NaN,1013'], /b\.json:7:\d+: not JSON/],
  ['a run without a figure', ['1009,1013', '1013'], /b\.json:7:\d+: "values" has 2 figures, and there were 3 runs$/],
  [
    'a quantity of nobody',
    ['"live"', '"alive"'],
    /b\.json:7:\d+: "quantity" must be one of live, .*did you mean "live"\?$/,
  ],
  ['a key too many', ['"runs"', '"rnus": 1, "runs"'], /there is no key "rnus"; did you mean "runs"\?$/],
  ['something else', [text, '{"name": "left-pad"}'], /b\.json:1:2: there is no key "name"/],
] as const)('%s', (_what, [from, to], message) => {
  expect(complaint(text.replace(from, () => to))).toMatch(message);
});
