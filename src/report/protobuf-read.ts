/**
 * Reads the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as pprof's schema needs it: varints,
 * and what has a length. Whatever is damaged throws a RangeError.
 */
export interface ProtobufReader {
  /**
   * Tells of each field between two positions: of a varint its value, with -1 for the positions; of text, a message or packed varints where
   * they begin and end. Other kinds of fields are passed over.
   */
  fields(start: number, end: number, onField: OnField): void;
  /** Packed varints, one after the other. */
  packed(start: number, end: number, onValue: (value: Varint) => void): void;
  text(start: number, end: number): string;
  /** Bytes as text of the same length: to compare, not to show. */
  key(start: number, end: number): string;
}

export type OnField = (field: number, value: Varint, start: number, end: number) => void;

/** 64 bits, unsigned: a bigint from 2^49 on. */
export type Varint = number | bigint;

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;
/** Seven bytes have 49 bits, which a number holds. */
const MAX_NUMBER_BYTES = 7;
const MAX_VARINT_BYTES = 10;

export function createProtobufReader(bytes: Uint8Array): ProtobufReader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  /** Where the varint ended that was read last. */
  let cursor = 0;

  function varint(start: number, end: number): Varint {
    let value = 0;
    let scale = 1;
    const last = Math.min(end, start + MAX_NUMBER_BYTES);
    for (let at = start; at < last; at++) {
      const byte = buffer[at] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) {
        cursor = at + 1;
        return value;
      }
      scale *= 128;
    }
    return longVarint(start, end);
  }

  function longVarint(start: number, end: number): bigint {
    let value = 0n;
    const last = Math.min(end, start + MAX_VARINT_BYTES);
    for (let at = start; at < last; at++) {
      const byte = buffer[at] ?? 0;
      value |= BigInt(byte & 127) << BigInt(7 * (at - start));
      if (byte >= 128) continue;
      cursor = at + 1;
      return BigInt.asUintN(64, value);
    }
    throw new RangeError(`a number is cut off at byte ${start}`);
  }

  /** A length, or the number and kind of a field. */
  function small(start: number, end: number): number {
    const value = varint(start, end);
    if (typeof value === 'number' && value < 2 ** 32) return value;
    throw new RangeError(`a length or a field is out of range at byte ${start}`);
  }

  return {
    fields(start, end, onField) {
      let at = start;
      while (at < end) {
        const tag = small(at, end);
        const field = tag >>> 3;
        const kind = tag & 7;
        at = cursor;
        if (field === 0) throw new RangeError(`there is no field 0, at byte ${at}`);
        if (kind === VARINT) {
          const value = varint(at, end);
          at = cursor;
          onField(field, value, -1, -1);
        } else if (kind === LENGTH_DELIMITED) {
          const length = small(at, end);
          const from = cursor;
          at = from + length;
          if (at > end) throw new RangeError(`a field of ${length} bytes is cut off at byte ${from}`);
          onField(field, 0, from, at);
        } else if (kind === FIXED_64) at += 8;
        else if (kind === FIXED_32) at += 4;
        else throw new RangeError(`a field of an unknown kind, at byte ${at}`);
      }
      if (at !== end) throw new RangeError(`a message is cut off at byte ${end}`);
    },
    packed(start, end, onValue) {
      for (let at = start; at < end; at = cursor) onValue(varint(at, end));
    },
    text: (start, end) => buffer.toString('utf8', start, end),
    key: (start, end) => buffer.toString('latin1', start, end),
  };
}
