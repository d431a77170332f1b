import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { encodeEvents } from '../helpers/events.ts';
import { chunk, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('streaming');

const CHUNKS = 128;
const EVENTS_PER_CHUNK = 16_384;
const SITES = 1009;

/** Pairs of an allocation and its free, site after site. */
function events(first: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(BigInt(first), 0);
  const records = Array.from({ length: EVENTS_PER_CHUNK }, (_, index) => {
    const number = first + index;
    return {
      ticket: number + 1,
      timeNs: number,
      type: number % 2 === 0 ? EVENT_TYPE.alloc : EVENT_TYPE.free,
      heap: HEAP.malloc,
      site: (number >> 1) % SITES,
      size: 4099,
      weight: 65_536,
    };
  });
  return Buffer.concat([head, encodeEvents(records)]);
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
