import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { EXIT, MemprofError } from '../errors.js';
import { CHUNK_HEADER_BYTES, FILE_HEADER_BYTES, RECORDING_MAGIC, RECORDING_VERSION } from '../recording/chunks.js';

/** Where a chunk lies. Its payload is read when somebody wants it. */
export interface ChunkRef {
  readonly type: number;
  /** Of the payload. */
  readonly offset: number;
  readonly bytes: number;
}

/** Why and where the reading of a file ended early. */
export interface StreamEnd {
  readonly reason: 'complete' | 'cut off' | 'damaged';
  /** Bytes at the end that were not read. */
  readonly unreadBytes: number;
}

/** One `.mpr` file, open for reading. */
export interface ChunkStream {
  /**
   * Walks the chunks in order, each after its checksum was found right; stops at the first that is cut off or damaged.
   * `payload()` gives the bytes, valid until the next step; undefined if there are more than `MAX_PAYLOAD_BYTES`.
   */
  chunks(): Generator<{ readonly ref: ChunkRef; payload(): Buffer | undefined }, StreamEnd>;
  /** Reads a chunk again that `chunks()` has shown. */
  read(ref: ChunkRef): Buffer | undefined;
  /** The same; valid until the next. */
  view(ref: ChunkRef): Buffer | undefined;
  close(): void;
}

/** More than any writer puts into one chunk; a larger one is skipped, not held in memory. */
export const MAX_PAYLOAD_BYTES = 512 << 20;
/** A full batch of events, which is 1 MiB with 16 bytes before it, is read once. */
const PIECE_BYTES = 2 << 20;

/** @throws MemprofError NOT_A_RECORDING, RECORDING_TOO_NEW or RECORDING_UNREADABLE; exit code 2. */
export function openChunkStream(path: string): ChunkStream {
  const fd = openFile(path);
  let fileBytes: number;
  try {
    fileBytes = checkHead(fd, path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const piece = Buffer.allocUnsafe(PIECE_BYTES);

  function* chunks(): ReturnType<ChunkStream['chunks']> {
    const head = Buffer.alloc(CHUNK_HEADER_BYTES);
    let at = FILE_HEADER_BYTES;
    while (at < fileBytes) {
      const unreadBytes = fileBytes - at;
      if (!readWhole(fd, head, at)) return { reason: 'cut off', unreadBytes };
      const ref = { type: head.readUInt32LE(0), offset: at + CHUNK_HEADER_BYTES, bytes: head.readUInt32LE(8) };
      if (ref.offset + ref.bytes > fileBytes) return { reason: 'cut off', unreadBytes };
      const sum = ref.bytes <= PIECE_BYTES ? sumSmall(ref) : sumLarge(ref);
      if (sum !== head.readUInt32LE(4)) return { reason: 'damaged', unreadBytes };
      yield { ref, payload: () => (ref.bytes <= PIECE_BYTES ? piece.subarray(0, ref.bytes) : read(ref)) };
      at = ref.offset + ref.bytes + (-ref.bytes & 7);
    }
    return { reason: 'complete', unreadBytes: 0 };
  }

  function sumSmall(ref: ChunkRef): number {
    const payload = piece.subarray(0, ref.bytes);
    return readWhole(fd, payload, ref.offset) ? crc32(payload) : -1;
  }

  function sumLarge(ref: ChunkRef): number {
    let sum = 0;
    for (let done = 0; done < ref.bytes; ) {
      const part = piece.subarray(0, Math.min(PIECE_BYTES, ref.bytes - done));
      if (!readWhole(fd, part, ref.offset + done)) return -1;
      sum = crc32(part, sum);
      done += part.length;
    }
    return sum;
  }

  function read(ref: ChunkRef): Buffer | undefined {
    if (ref.bytes > MAX_PAYLOAD_BYTES) return undefined;
    const payload = Buffer.allocUnsafe(ref.bytes);
    return readWhole(fd, payload, ref.offset) ? payload : undefined;
  }

  function view(ref: ChunkRef): Buffer | undefined {
    if (ref.bytes > PIECE_BYTES) return read(ref);
    const payload = piece.subarray(0, ref.bytes);
    return readWhole(fd, payload, ref.offset) ? payload : undefined;
  }

  return { chunks, read, view, close: () => closeSync(fd) };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause);
  }
}

/** Returns the size of the file. */
function checkHead(fd: number, path: string): number {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw unreadable(path, 'it is not a file');
  const head = Buffer.alloc(FILE_HEADER_BYTES);
  if (!readWhole(fd, head, 0) || head.toString('latin1', 0, RECORDING_MAGIC.length) !== RECORDING_MAGIC) {
    throw new MemprofError(`${path} is not a memprof recording`, {
      code: 'NOT_A_RECORDING',
      exitCode: EXIT.usage,
      hint: 'Give the directory that `memprof run` wrote, or an .mpr file in it.',
    });
  }
  const version = head.readUInt32LE(RECORDING_MAGIC.length);
  if (version > RECORDING_VERSION) throw tooNew(path, version);
  return stat.size;
}

/** The error for a recording that a later memprof wrote. */
export function tooNew(path: string, version: number): MemprofError {
  return new MemprofError(
    `${path} has recording version ${version}; this memprof reads up to version ${RECORDING_VERSION}`,
    {
      code: 'RECORDING_TOO_NEW',
      exitCode: EXIT.usage,
      hint: 'Read it with the memprof that wrote it, or update memprof.',
    },
  );
}

/** The error for a file or directory that the system does not let us read. */
export function unreadable(path: string, reason: string, cause?: unknown): MemprofError {
  return new MemprofError(`cannot read ${path}: ${reason}`, {
    code: 'RECORDING_UNREADABLE',
    exitCode: EXIT.usage,
    hint: 'Give the directory that `memprof run` wrote, or an .mpr file in it, as a user who may read it.',
    cause,
  });
}

function readWhole(fd: number, into: Buffer, offset: number): boolean {
  for (let done = 0; done < into.length; ) {
    const got = readSync(fd, into, done, into.length - done, offset + done);
    if (got === 0) return false;
    done += got;
  }
  return true;
}
