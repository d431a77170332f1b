import { describe, expect, test } from 'vitest';
import { RUN_DEFAULTS } from '../../src/schema/defaults.ts';
import { parseRunFlags } from '../../src/schema/flags.ts';

describe('sizes', () => {
  test.each([
    ['65536', 65_536],
    ['64k', 65_536],
    ['64K', 65_536],
    ['512KiB', 524_288],
    ['512kb', 524_288],
    ['1M', 1_048_576],
    ['1.5MiB', 1_572_864],
    [' 1g ', 1_073_741_824],
    ['256', 256],
  ])('%s', (text, bytes) => expect(parseRunFlags({ sampleBytes: text }, 125).sampleBytes).toBe(bytes));

  test.each(['', 'k', '64 kk', '-1', '0x10', '1e6', '64kib2', 'NaN', '255', '2G', '64k 64k'])(
    '%j is refused',
    (text) => {
      expect(() => parseRunFlags({ sampleBytes: text }, 125)).toThrow(
        expect.objectContaining({ code: 'BAD_FLAG', exitCode: 125 }),
      );
    },
  );
});

test('no flags are the defaults', () => expect(parseRunFlags({}, 125)).toEqual(RUN_DEFAULTS));

test('the message names the flag as it is typed', () => {
  expect(() => parseRunFlags({ v8Interval: 'x' }, 125)).toThrow(/^--v8-interval "x": is not a size/);
  expect(() => parseRunFlags({ maxSamplesPerSecond: '1.5' }, 125)).toThrow(
    /^--max-samples-per-second "1.5": is not a whole/,
  );
});
