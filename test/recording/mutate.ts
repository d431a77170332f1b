/** Damages of recordings and stores, the same for the same seed. */
import { chunk } from '../helpers/recording-builder.ts';

/** xorshift32. */
export interface Random {
  /** A whole number below `limit`. */
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
}

export function seeded(seed: number): Random {
  let state = (Math.imul(seed, 2_654_435_761) ^ 0x9e3779b9) >>> 0 || 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.max(1, limit);
  };
  return {
    below,
    pick: (from) => {
      const picked = from[below(from.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
  };
}

const WORDS = [
  0n,
  1n,
  7n,
  0x7fffffffn,
  0xffffffffn,
  1n << 32n,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];
const DOUBLES = [0, -1, 1e-300, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 63];

/** Changes some bytes in place, as a program that writes where it must not. */
export function scribble(bytes: Buffer, random: Random): void {
  if (bytes.length < 8) return;
  // Fields lie at multiples of four.
  const at = 4 * random.below((bytes.length - 4) / 4);
  switch (random.below(5)) {
    case 0:
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
      return;
    case 1:
      bytes.writeUInt32LE(Number(random.pick(WORDS) & 0xffffffffn), at);
      return;
    case 2:
      if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(random.pick(WORDS), at);
      return;
    case 3:
      if (at + 8 <= bytes.length) bytes.writeDoubleLE(random.pick(DOUBLES), at);
      return;
    default:
      bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
  }
}

const JSON_VALUES = [
  'null',
  '{}',
  '[]',
  '""',
  '-1',
  '1e308',
  '0.5',
  'true',
  '{"toString":1}',
  '[[[]]]',
  '"\\u0000"',
  '9'.repeat(25),
];

/** Replaces or removes values of a JSON text; sometimes it is none any more. */
export function mutateJson(text: string, random: Random): string {
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?!\s*:)|-?\d+(?:\.\d+)?|true|false|null/g)];
  if (values.length === 0 || random.below(8) === 0) return text.slice(0, random.below(text.length));
  const { index, 0: value } = random.pick(values);
  return text.slice(0, index) + random.pick(JSON_VALUES) + text.slice(index + value.length);
}

interface Piece {
  type: number;
  payload: Buffer;
}

function piecesOf(recording: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 16; at < recording.length; ) {
    const length = recording.readUInt32LE(at + 8);
    pieces.push({ type: recording.readUInt32LE(at), payload: recording.subarray(at + 16, at + 16 + length) });
    at += 16 + length + (-length & 7);
  }
  return pieces;
}

const isJson = (payload: Buffer): boolean => payload[0] === 0x7b;

/** A damaged recording. Most have right checksums, so that the damage gets past them. */
export function mutateRecording(recording: Buffer, random: Random): Buffer {
  const pieces = piecesOf(recording);
  for (let left = 1 + random.below(3); left > 0 && pieces.length > 0; left--) {
    const index = random.below(pieces.length);
    const piece = pieces[index] ?? { type: 0, payload: Buffer.alloc(0) };
    switch (random.below(9)) {
      case 0:
        pieces.splice(index, 1);
        break;
      case 1:
        pieces.splice(random.below(pieces.length), 0, piece);
        break;
      case 2:
        pieces[index] = { ...piece, payload: piece.payload.subarray(0, random.below(piece.payload.length + 1)) };
        break;
      case 3:
        pieces[index] = { ...piece, type: random.below(13) };
        break;
      case 4:
        pieces[index] = { ...piece, payload: Buffer.concat([piece.payload, random.pick(pieces).payload]) };
        break;
      default: {
        const payload = Buffer.from(piece.payload);
        if (isJson(payload)) {
          pieces[index] = { ...piece, payload: Buffer.from(mutateJson(payload.toString('utf8'), random)) };
        } else {
          // Counts and kinds stand at the beginning.
          scribble(random.below(2) === 0 ? payload.subarray(0, 48) : payload, random);
          pieces[index] = { ...piece, payload };
        }
      }
    }
  }
  const whole = Buffer.concat([recording.subarray(0, 16), ...pieces.map(({ type, payload }) => chunk(type, payload))]);
  if (random.below(8) === 0) scribble(whole, random);
  return random.below(8) === 0 ? whole.subarray(0, random.below(whole.length)) : whole;
}
