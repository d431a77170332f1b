import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CHUNK_HEADER_BYTES, FILE_HEADER_BYTES, RECORDING_MAGIC, RECORDING_VERSION } from '../recording/chunks.js';
import { MANIFEST_FILE, type Manifest } from '../recording/manifest.js';

const PADDING = Buffer.alloc(8);

/** One `.mpr` file, open for appending. */
export interface RecordingFile {
  /** Undefined if the file could not be made. */
  name(): string | undefined;
  /** False if the disk refused: nothing of the chunk is in the file then, and the caller may try again later. */
  append(type: number, payload: readonly Uint8Array[]): boolean;
  appendJson(type: number, value: unknown): boolean;
  close(): void;
}

/**
 * Makes `<stem>.mpr` (0600), or `<stem>-2.mpr` and so on where a pid came back. A chunk goes to the file whole or not
 * at all, so the file is readable at every moment. Never throws: a profiler that cannot write must not stop.
 * @param onRefused is told each time the file system refuses something.
 */
export function createRecordingFile(folder: string, stem: string, onRefused: (cause: unknown) => void): RecordingFile {
  let opened: { fd: number; name: string } | undefined;
  let offset = 0;

  function write(parts: readonly Uint8Array[]): boolean {
    if (opened === undefined) return false;
    try {
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      writeWhole(opened.fd, parts, total);
      offset += total;
      return true;
    } catch (cause) {
      ftruncateSync(opened.fd, offset);
      onRefused(cause);
      return false;
    }
  }

  const append = (type: number, payload: readonly Uint8Array[]): boolean => write(frame(type, payload));

  try {
    opened = openUnused(folder, stem);
  } catch (cause) {
    onRefused(cause);
  }
  const head = Buffer.alloc(FILE_HEADER_BYTES);
  head.write(RECORDING_MAGIC, 'latin1');
  head.writeUInt32LE(RECORDING_VERSION, 8);
  if (opened !== undefined && !write([head])) {
    // Without its header it is no recording, and nothing may follow.
    closeSync(opened.fd);
    unlinkSync(join(folder, opened.name));
    opened = undefined;
  }
  return {
    name: () => opened?.name,
    append,
    appendJson: (type, value) => append(type, [Buffer.from(JSON.stringify(value))]),
    close: () => opened && closeSync(opened.fd),
  };
}

/**
 * Adds a chunk to a finished `.mpr` file.
 * @throws the error of open(2) or write(2); the file is then as it was.
 */
export function appendChunk(path: string, type: number, payload: readonly Uint8Array[]): void {
  const fd = openSync(path, 'a');
  const { size } = fstatSync(fd);
  try {
    const parts = frame(type, payload);
    writeWhole(
      fd,
      parts,
      parts.reduce((sum, part) => sum + part.length, 0),
    );
  } catch (cause) {
    ftruncateSync(fd, size);
    throw cause;
  } finally {
    closeSync(fd);
  }
}

/** Header, payload and padding of one chunk. */
function frame(type: number, payload: readonly Uint8Array[]): Uint8Array[] {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.alloc(CHUNK_HEADER_BYTES);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(
    // zlib answers 0 for an empty part, whatever the sum was before it.
    payload.reduce((crc, part) => (part.length === 0 ? crc : crc32(part, crc)), 0),
    4,
  );
  header.writeUInt32LE(length, 8);
  return [header, ...payload, PADDING.subarray(0, -length & 7)];
}

function openUnused(folder: string, stem: string): { fd: number; name: string } {
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? `${stem}.mpr` : `${stem}-${attempt}.mpr`;
    try {
      return { fd: openSync(join(folder, name), 'wx', 0o600), name };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
  }
}

/** Writes `recording.json` in one step: a reader sees the old one or the new one. */
export function writeManifest(folder: string, manifest: Manifest): void {
  const path = join(folder, MANIFEST_FILE);
  const draft = `${path}.tmp`;
  writeFileSync(draft, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function writeWhole(fd: number, parts: readonly Uint8Array[], total: number): void {
  const written = writevSync(fd, parts.slice());
  if (written === total) return;
  // A short write: the disk is nearly full, or a signal came. The rest in one piece tells which.
  const rest = Buffer.concat(parts).subarray(written);
  for (let at = 0; at < rest.length; ) at += writevSync(fd, [rest.subarray(at)]);
}
