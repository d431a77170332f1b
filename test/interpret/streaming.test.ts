import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { EVENT, EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { chunk, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('streaming');

const CHUNKS = 128;
const EVENTS_PER_CHUNK = 16_384;
const SITES = 1009;

/** Pairs of an allocation and its free, site after site. */
function events(first: number): Buffer {
  const payload = Buffer.alloc(16 + EVENTS_PER_CHUNK * EVENT.bytes);
  payload.writeBigUInt64LE(BigInt(first), 0);
  for (let index = 0; index < EVENTS_PER_CHUNK; index++) {
    const at = 16 + index * EVENT.bytes;
    const number = first + index;
    payload.writeBigUInt64LE(BigInt(number + 1), at + EVENT.ticket);
    payload.writeBigUInt64LE(BigInt(number), at + EVENT.timeNs);
    payload.writeUInt16LE(number % 2 === 0 ? EVENT_TYPE.alloc : EVENT_TYPE.free, at + EVENT.type);
    payload.writeUInt16LE(HEAP.malloc, at + EVENT.heap);
    payload.writeUInt32LE((number >> 1) % SITES, at + EVENT.site);
    payload.writeBigUInt64LE(4099n, at + EVENT.size);
    payload.writeDoubleLE(65_536, at + EVENT.weight);
  }
  return payload;
}

test('two million events (128 MiB) are folded without being held', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  for (let index = 0; index < SITES; index++) recorder.site({ stack: [recorder.native(BigInt(16 * (index + 1)))] });
  recorder.snapshot('end');
  const directory = writeRecording(join(root, 'long'), { '4711.0.mpr': recorder.bytes() });
  const file = join(directory, '4711.0.mpr');
  for (let index = 0; index < CHUNKS; index++) {
    appendFileSync(file, chunk(CHUNK.events, events(index * EVENTS_PER_CHUNK)));
  }
  const before = process.memoryUsage.rss();
  const { processes } = await buildProfile(directory, { moment: 'peak' });
  // The highest the process ever was, in KiB.
  expect(process.resourceUsage().maxRSS * 1024 - before).toBeLessThan(96 << 20);
  expect(processes[0]?.peakBytes).toBeCloseTo(65_536);
});
