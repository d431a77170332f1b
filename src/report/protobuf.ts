/** Writes the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as pprof's schema needs it. */
export interface ProtobufWriter {
  /** An int64, uint64 or bool; 0 is not written, as it is the default. */
  integer(field: number, value: number | bigint): void;
  text(field: number, value: string): void;
  /** Repeated integers without a tag for each. */
  packed(field: number, values: readonly (number | bigint)[]): void;
  message(field: number, write: () => void): void;
  /** What was written so far; valid until the next write. */
  bytes(): Uint8Array;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const MAX_VARINT_BYTES = 10;

export function createProtobufWriter(): ProtobufWriter {
  let buffer = Buffer.allocUnsafe(1 << 16);
  let used = 0;

  function reserve(bytes: number): void {
    if (used + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, used + bytes));
    buffer.copy(larger, 0, 0, used);
    buffer = larger;
  }

  function varint(value: number | bigint): void {
    reserve(MAX_VARINT_BYTES);
    if (typeof value === 'bigint' || value < 0) bigVarint(BigInt.asUintN(64, BigInt(value)));
    else numberVarint(value);
  }

  function numberVarint(value: number): void {
    let rest = value;
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) buffer[used++] = (rest % 128) | 0x80;
    for (; rest > 127; rest >>>= 7) buffer[used++] = (rest & 127) | 0x80;
    buffer[used++] = rest;
  }

  function bigVarint(value: bigint): void {
    let rest = value;
    for (; rest > 127n; rest >>= 7n) buffer[used++] = Number(rest & 127n) | 0x80;
    buffer[used++] = Number(rest);
  }

  const tag = (field: number, type: number): void => varint(field * 8 + type);

  /** Its length is known afterwards: one byte is left for it, and what was written moves up where it needs more. */
  function delimited(field: number, write: () => void): void {
    tag(field, LENGTH_DELIMITED);
    reserve(1);
    const start = used++;
    write();
    const bytes = used - start - 1;
    const lengthBytes = bytes < 128 ? 1 : Math.floor(Math.log2(bytes) / 7) + 1;
    reserve(lengthBytes - 1);
    buffer.copyWithin(start + lengthBytes, start + 1, used);
    used = start;
    varint(bytes);
    used += bytes;
  }

  return {
    integer(field, value) {
      if (value === 0 || value === 0n) return;
      tag(field, VARINT);
      varint(value);
    },
    text(field, value) {
      tag(field, LENGTH_DELIMITED);
      const bytes = Buffer.byteLength(value);
      varint(bytes);
      reserve(bytes);
      used += buffer.write(value, used);
    },
    packed(field, values) {
      delimited(field, () => {
        for (const value of values) varint(value);
      });
    },
    message: delimited,
    bytes: () => buffer.subarray(0, used),
  };
}
