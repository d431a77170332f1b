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
