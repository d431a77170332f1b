import { type LedgerReading, REGION_FLAG } from '../recording/ledger.js';
import { EVENT, EVENT_TYPE, HEAP } from '../recording/wire.js';

/** Below this, a mapped file is nobody's question, and its name nobody's business. */
const LARGE_BYTES = 1 << 20;

/** Whether a large file was mapped: only /proc/PID/maps knows its name. @param events whole event records. */
export function mapsLargeFile(events: Buffer): boolean {
  for (let at = 0; at + EVENT.bytes <= events.length; at += EVENT.bytes) {
    if (events.readUInt16LE(at + EVENT.heap) !== HEAP.file) continue;
    if (events.readUInt16LE(at + EVENT.type) !== EVENT_TYPE.commit) continue;
    if (events.readBigUInt64LE(at + EVENT.size) >= LARGE_BYTES) return true;
  }
  return false;
}

/** What is kept of the path of a small file: enough to tell the kind of memory it is. */
const KIND_OF_PATH = /^(\/dev\/shm\/|\/dev\/|\/memfd:|\/SYSV)/;
const STORE = /\/memprof-[^/]+\/(?:\d+\.\d+\.store|control)(?: \(deleted\))?$/;

/** Paths of a memory map as they are recorded: of small files that are no code the name is nobody's business. */
export function recordedPaths({ regions, paths }: Pick<LedgerReading, 'regions' | 'paths'>): string[] {
  const worth = new Set<number>();
  for (const [, bytes, flags, path] of regions) {
    if (bytes >= LARGE_BYTES || (flags & REGION_FLAG.execute) !== 0) worth.add(path);
  }
  return paths.map((path, index) => {
    const store = STORE.exec(path)?.[0];
    if (store !== undefined) return store;
    if (worth.has(index) || !path.startsWith('/')) return path;
    return KIND_OF_PATH.exec(path)?.[0] ?? '';
  });
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..(.). \S+ \S+ \S+ +(\/.*)$/;

/** The lines of /proc/PID/maps that are recorded: code, which symbols come from, and large files, but not the sampler's store. */
export function recordedLines(maps: string): string {
  const lines = maps.split('\n').filter((line) => {
    const [, start = '', end = '', execute, path = ''] = LINE.exec(line) ?? [];
    if (path === '' || path.endsWith('.store')) return false;
    return execute === 'x' || Number.parseInt(end, 16) - Number.parseInt(start, 16) >= LARGE_BYTES;
  });
  return lines.join('\n');
}
