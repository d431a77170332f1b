import { Profile } from 'pprof-format';
import { expect, test } from 'vitest';
import { createProtobufWriter } from '../../src/report/protobuf.ts';

const PERIOD = 12;
const STRING = 6;
const SAMPLE = 2;
const LOCATION_IDS = 1;

function decode(write: (out: ReturnType<typeof createProtobufWriter>) => void): Profile {
  const out = createProtobufWriter();
  write(out);
  return Profile.decode(Uint8Array.from(out.bytes()));
}

test.each([1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 35 + 7, Number.MAX_SAFE_INTEGER, 2n ** 63n - 1n, -1n, -(2n ** 63n)])(
  '%s is read back',
  (value) => {
    const { period } = decode((out) => out.integer(PERIOD, value));
    expect(BigInt.asIntN(64, BigInt(period))).toBe(BigInt(value));
  },
);

test.each([0, 1, 126, 127, 128, 129, 16_381, 16_383, 16_384, 70_000, 2_097_151, 2_097_152])(
  'a message and a text of %i bytes are read back',
  (bytes) => {
    const { sample, stringTable } = decode((out) => {
      out.text(STRING, '');
      out.message(SAMPLE, () => out.packed(LOCATION_IDS, new Array(bytes).fill(7)));
      out.text(STRING, 'x'.repeat(bytes));
      out.text(STRING, 'ü'.repeat(3));
    });
    expect(sample[0]?.locationId).toHaveLength(bytes);
    expect(stringTable.strings.slice(-2)).toEqual(['x'.repeat(bytes), 'üüü']);
  },
);
