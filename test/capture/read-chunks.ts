import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export interface RawChunk {
  readonly type: number;
  readonly payload: Buffer;
}

/** Reads an `.mpr` file strictly, from the words of docs/reference/recording.md: any deviation throws. */
export function readChunks(path: string): RawChunk[] {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 0, 8) !== 'MPRECORD') throw new Error('bad magic');
  if (bytes.readUInt32LE(8) !== 1 || bytes.readUInt32LE(12) !== 0) throw new Error('bad version');
  const chunks: RawChunk[] = [];
  let at = 16;
  while (at < bytes.length) {
    const length = bytes.readUInt32LE(at + 8);
    const payload = bytes.subarray(at + 16, at + 16 + length);
    if (payload.length !== length) throw new Error(`chunk at ${at} is cut off`);
    if (bytes.readUInt32LE(at + 4) !== crc32(payload)) throw new Error(`chunk at ${at} has a wrong sum`);
    chunks.push({ type: bytes.readUInt32LE(at), payload });
    at += 16 + Math.ceil(length / 8) * 8;
  }
  if (at !== bytes.length) throw new Error('the last chunk is not padded');
  return chunks;
}

export function jsonOf(chunk: RawChunk | undefined): Record<string, unknown> {
  return JSON.parse(chunk?.payload.toString('utf8') ?? 'null');
}
