/**
 * A program may write anywhere, and so over the store: memprof lives on, reads in bounded time, and says so. `MEMPROF_FUZZ=20000 npx vitest
 * run test/capture/store-damage` takes longer.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readAgentFacts } from '../../src/capture/agent-facts.ts';
import { openProcessImage } from '../../src/capture/process-image.ts';
import { readHeader, readRecords } from '../../src/capture/store-reader.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { findProblems } from '../../src/model/validate.ts';
import { HEADER, HEADER_BYTES, REGION, REGIONS } from '../../src/recording/wire.ts';
import { writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { program } from '../native/programs.ts';
import { makeRunDirectory, runSampled } from '../native/store.ts';
import { scribble, seeded } from '../recording/mutate.ts';
import { readChunks } from './read-chunks.ts';

const RUNS = Number(process.env.MEMPROF_FUZZ ?? 300);
const root = temporaryDirectory('store-damage');
const runDirectory = makeRunDirectory({ meanBytes: 4096 }, root);
const taggedDirectory = makeRunDirectory({ meanBytes: 1 }, root);
let store = '';
let taggedStore = '';

beforeAll(() => {
  const run = runSampled([program('known_truth'), '257', '20000', '4099', '500'], { directory: runDirectory });
  store = run.stores[0]?.file ?? 'none';
  taggedStore = runSampled([program('tagged'), 'known'], { directory: taggedDirectory }).stores[0]?.file ?? 'none';
});

const word = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** Records the store from beginning to end, with `damage` done to it in the middle. */
async function record(damage: (fd: number) => void, storePath = store) {
  const output = join(root, 'out');
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output);
  const fd = openSync(storePath, 'r+');
  const saved = Buffer.alloc(HEADER_BYTES);
  readSync(fd, saved, 0, HEADER_BYTES, 0);
  const image = openProcessImage({
    pid: 1 << 29,
    ordinal: 0,
    storePath,
    outputDirectory: output,
    name: 'known_truth',
    isMain: true,
    onRefused: (cause) => {
      throw cause;
    },
  });
  try {
    image.poll(1n);
    damage(fd);
    image.poll(2n);
    image.snapshot('timer');
    image.isAtNewPeak();
    image.finish({ complete: true, exitCode: 0, signal: null });
  } finally {
    writeSync(fd, saved, 0, HEADER_BYTES, 0);
    closeSync(fd);
  }
  const file = image.fileName() ?? 'none';
  readChunks(join(output, file));
  writeRecording(output, { [file]: readFileSync(join(output, file)) });
  const profile = await buildProfile(output);
  expect(findProblems(profile)).toEqual([]);
  return { image, profile };
}

const regionField = (name: (typeof REGIONS)[number], field: number): number =>
  HEADER.regions + REGIONS.indexOf(name) * REGION.bytes + field;

test('without damage nothing is said', async () => {
  const { image, profile } = await record(() => undefined);
  expect(image.isScribbled()).toBe(false);
  expect(profile.samples.length).toBeGreaterThan(1);
});

test.each([
  ['a size of the live table that no file has', regionField('live', REGION.used), 1n << 40n],
  ['a table that lies beyond the file', regionField('sites', REGION.offset), 1n << 50n],
  ['records of another size', regionField('nodes', REGION.recordBytes), 0xffff_ffffn],
  ['more events than numbers', regionField('ring', REGION.used), (1n << 64n) - 1n],
  ['no magic', HEADER.magic, 0n],
])('%s: what was read before stays, and the program is named', async (_name, offset, value) => {
  const { image, profile } = await record((fd) => void writeSync(fd, word(value), 0, 8, offset));
  expect(image.isScribbled()).toBe(true);
  expect(profile.samples.length).toBeGreaterThan(1);
});

test('live bytes that are no number end no poll', async () => {
  const { image } = await record((fd) => void writeSync(fd, word((1n << 64n) - 1n), 0, 8, HEADER.liveBytes));
  expect(image.status().liveBytes).toBe(0);
});

test('a ring of nothing but gaps is passed once', async () => {
  // Each gap used to cost a read of what remained of the ring: hours.
  const { image } = await record((fd) => {
    const header = readHeader(fd);
    if (header === undefined) throw new Error('no header');
    const { used, capacity } = header.regions.ring;
    writeSync(fd, word(BigInt(used + capacity)), 0, 8, regionField('ring', REGION.used));
  });
  expect(image.lostEvents().all).toBeGreaterThan(60_000);
});

test('a store whose file is shorter than its regions is no store', () => {
  const cut = join(root, 'cut.store');
  writeFileSync(cut, readFileSync(store).subarray(0, HEADER_BYTES + 8192));
  const fd = openSync(cut, 'r');
  expect(readHeader(fd)).toBeUndefined();
  closeSync(fd);
});

test(`${RUNS} headers that were scribbled on`, { timeout: 3_600_000 }, async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = seeded(seed);
    try {
      await record((fd) => {
        const header = Buffer.alloc(HEADER_BYTES);
        readSync(fd, header, 0, HEADER_BYTES, 0);
        // What is behind the regions is empty.
        const used = header.subarray(0, HEADER.regions + REGIONS.length * REGION.bytes);
        for (let left = 1 + random.below(4); left > 0; left--) scribble(used, random);
        writeSync(fd, header, 0, HEADER_BYTES, 0);
      });
    } catch (cause) {
      throw new Error(`seed ${seed}: ${(cause as Error).stack}`, { cause });
    }
  }
});

test(`${RUNS / 3} tables of tags that were scribbled on`, { timeout: 3_600_000 }, async () => {
  const fd = openSync(taggedStore, 'r+');
  const tags = readHeader(fd)?.regions.tags;
  if (tags === undefined) throw new Error('no header');
  const whole = readRecords(fd, tags, 0, tags.used);
  const { profile } = await record(() => undefined, taggedStore);
  expect(profile.samples.some(({ labels }) => labels.arena === 'kv-cache#1')).toBe(true);
  for (let seed = 1; seed <= RUNS / 3; seed++) {
    const random = seeded(seed);
    const damaged = Buffer.from(whole);
    for (let left = 1 + random.below(20); left > 0; left--) scribble(damaged, random);
    try {
      await record(() => void writeSync(fd, damaged, 0, damaged.length, tags.offset), taggedStore);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${(cause as Error).stack}`, { cause });
    }
    writeSync(fd, whole, 0, whole.length, tags.offset);
  }
  closeSync(fd);
});

test.each([
  'null',
  '7',
  '"x"',
  '[]',
  '{"type":"warning","code":{"toString":1},"message":1}',
  '{"type":"hello","node":{}}',
])('the agent line %s is no reason to lose those after it', (line) => {
  expect(() => readAgentFacts(Buffer.from(line))).not.toThrow();
});
