import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { MemprofError } from '../../src/errors.ts';
import { buildProfile, readManifest } from '../../src/interpret/index.ts';
import type { Profile } from '../../src/model/profile.ts';
import { findProblems } from '../../src/model/validate.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { REGIONS, TAG } from '../../src/recording/wire.ts';
import { FORMATS } from '../../src/report/index.ts';
import { Summary } from '../../src/schema/summary.ts';
import { chunk, fileHead, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { smallRecording } from '../helpers/small-recording.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('damage');

/** Whether a cut there is in the middle of a payload: a chunk is read as a whole or not at all, so that one place there is like the other. */
function isInsidePayload(bytes: Buffer, length: number): boolean {
  let at = 16;
  while (at + 16 <= length) {
    const payload = bytes.readUInt32LE(at + 8);
    const end = at + 16 + payload;
    if (length < end) return at + 24 < length && length < end - 8;
    at = end + (-payload & 7);
  }
  return false;
}

/** Whether the first bytes hold whole chunks only. */
function isWholeAt(bytes: Buffer, length: number): boolean {
  let at = 16;
  while (at < length) {
    const payload = bytes.readUInt32LE(at + 8);
    if (at + 16 + payload > length) return false;
    at += 16 + payload + (-payload & 7);
  }
  return true;
}

let serial = 0;
/** The profile of a file's bytes, or the MemprofError; anything else that is thrown fails the test. */
async function outcome(bytes: Buffer): Promise<Profile | MemprofError> {
  const directory = writeRecording(join(root, `case-${serial++ % 4}`), { '4711.0.mpr': bytes });
  try {
    const profile = await buildProfile(directory);
    expect(findProblems(profile)).toEqual([]);
    await buildProfile(directory, { moment: 'peak' });
    return profile;
  } catch (error) {
    if (error instanceof MemprofError) return error;
    throw error;
  }
}

test('cut off anywhere: a profile with a notice, or an error that says why', async () => {
  const whole = smallRecording();
  let profiles = 0;
  for (let length = 0; length < whole.length; length++) {
    if (length % 29 !== 0 && isInsidePayload(whole, length)) continue;
    const result = await outcome(whole.subarray(0, length));
    if (result instanceof MemprofError) {
      expect(length).toBeLessThan(16);
      expect(result).toMatchObject({ code: 'NOT_A_RECORDING', exitCode: 2 });
      continue;
    }
    profiles++;
    const codes = result.notices.map((notice) => notice.code);
    // Cut exactly between two chunks, or in the padding of the last, nothing is damaged.
    expect(codes.includes('RECORDING_TRUNCATED')).toBe(!isWholeAt(whole, length));
  }
  expect(profiles).toBeGreaterThan(700);
}, 180_000);

test('the notice of a cut says how many bytes were left unread, and what came before is there', async () => {
  const whole = smallRecording();
  const result = await outcome(whole.subarray(0, whole.length - 9));
  expect(result).not.toBeInstanceOf(MemprofError);
  const { notices, samples } = result as Profile;
  const cut = notices.find((notice) => notice.code === 'RECORDING_TRUNCATED');
  expect(cut?.message).toMatch(/cut off: its last [\d,]+ bytes were not read/);
  const malloc = samples.find((sample) => sample.labels.heap === 'libc.malloc');
  expect(malloc?.values[3]).toBeCloseTo(70_000);
});

test('a flipped byte anywhere stops the reading there; nothing else is thrown', async () => {
  const whole = smallRecording();
  let random = 12_345;
  const next = (limit: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return random % limit;
  };
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(whole);
    for (let flips = 0; flips <= next(4); flips++) bytes[next(bytes.length)] = next(256);
    await outcome(bytes);
  }
}, 180_000);

/** Of a kind that there is, of parents that may be there: else nobody looks at the rest. */
function tagOf(record: Buffer): Buffer {
  record.writeUInt32LE(1 + (record.readUInt32LE(TAG.kind) % 5), TAG.kind);
  for (const field of [TAG.parent, TAG.stage, TAG.labels]) record.writeUInt32LE(record.readUInt32LE(field) % 14, field);
  record.writeUInt32LE(record.readUInt32LE(TAG.name) % 200, TAG.name);
  return record;
}

test('payloads of noise under right checksums: no exception, no endless loop', async () => {
  let random = 99;
  const noise = (length: number): Buffer =>
    Buffer.from(
      Array.from({ length }, () => {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        return random >>> 24;
      }),
    );
  const whole = smallRecording();
  for (let round = 0; round < 40; round++) {
    const chunks = Object.values(CHUNK).map((type) => chunk(type, noise((round * 37) % 400)));
    await outcome(Buffer.concat([fileHead(), ...chunks]));
    // And on top of tables that are whole: indices into them come from the noise.
    await outcome(Buffer.concat([whole, ...chunks]));
    // Tags of noise: records over those that are there, and more of them.
    const head = Buffer.alloc(16);
    head.writeUInt32LE(REGIONS.indexOf('tags'), 0);
    head.writeBigUInt64LE(1n, 8);
    const records = Buffer.concat(Array.from({ length: 12 }, () => tagOf(noise(TAG.bytes))));
    const tagged = await outcome(Buffer.concat([whole, chunk(CHUNK.region, Buffer.concat([head, records]))]));
    if (tagged instanceof MemprofError) throw tagged;
    for (const by of ['arena', 'label'] as const) {
      const summary = summarize(tagged, { memprofVersion: '0', by });
      for (const write of Object.values(FORMATS)) expect(write(tagged, { summary }).length).toBeGreaterThan(0);
      expect(Summary.parse(JSON.parse(FORMATS.json(tagged, { summary })))).toBeTruthy();
    }
  }
}, 180_000);

test('a thread whose name is no text has none', async () => {
  const recorder = recordProcess(4711);
  recorder.process({ threads: { 4711: { toString: 1, valueOf: 1 }, 4712: 'worker' } });
  recorder.snapshot('end');
  expect(await outcome(recorder.bytes())).not.toBeInstanceOf(MemprofError);
});

test('forged lengths and counts cost no memory', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const liar = Buffer.alloc(16);
  liar.writeUInt32LE(CHUNK.snapshot, 0);
  liar.writeUInt32LE(0xffff_fff0, 8);
  const counts = Buffer.alloc(40, 0xff);
  counts.writeUInt32LE(0, 0);
  const region = Buffer.alloc(32, 0xff);
  region.writeUInt32LE(3, 0);
  const gauges = Buffer.alloc(64, 0xff);
  const forged = [chunk(CHUNK.snapshot, counts), chunk(CHUNK.region, region), chunk(CHUNK.gauges, gauges), liar];
  const before = process.memoryUsage.rss();
  const result = await outcome(Buffer.concat([recorder.bytes(), ...forged]));
  expect(process.memoryUsage.rss() - before).toBeLessThan(256 << 20);
  expect((result as Profile).notices.map((notice) => notice.code)).toEqual(
    expect.arrayContaining(['RECORDING_TRUNCATED', 'CHUNKS_DAMAGED']),
  );
});

test('call paths that go in circles end', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const site = recorder.site({ stack: [recorder.native(0x10n), recorder.native(0x20n)] });
  recorder.alloc({ site, size: 101 });
  recorder.snapshot('end');
  const circle = Buffer.alloc(16 + 3 * 16);
  circle.writeUInt32LE(3, 0);
  circle.writeUInt32LE(2, 16 + 16 + 8);
  circle.writeUInt32LE(1, 16 + 32 + 8);
  const result = (await outcome(Buffer.concat([recorder.bytes(), chunk(CHUNK.region, circle)]))) as Profile;
  const [sample] = result.samples;
  const [location] = sample?.stack ?? [];
  const fn = result.functions.get(result.locations.get(location ?? 0)?.lines[0]?.functionId ?? 0);
  expect(fn?.name).toBe('[stack not recorded]');
});

test('a later version is refused, and both versions are named', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  expect(await outcome(recorder.bytes(2))).toMatchObject({
    code: 'RECORDING_TOO_NEW',
    exitCode: 2,
    message: expect.stringMatching(/version 2.*up to version 1/),
  });
  const directory = writeRecording(join(root, 'newer'), { '1.0.mpr': recorder.bytes() }, { version: 3 });
  await expect(buildProfile(directory)).rejects.toMatchObject({ code: 'RECORDING_TOO_NEW', exitCode: 2 });
});

test('what is no recording: each case has its error', async () => {
  const empty = join(root, 'empty');
  mkdirSync(empty);
  const file = join(root, 'file');
  writeFileSync(file, 'x');
  await expect(buildProfile(join(root, 'absent'))).rejects.toMatchObject({ code: 'RECORDING_UNREADABLE', exitCode: 2 });
  await expect(buildProfile(file)).rejects.toMatchObject({ code: 'RECORDING_UNREADABLE', exitCode: 2 });
  await expect(buildProfile(empty)).rejects.toMatchObject({ code: 'MANIFEST_MISSING', exitCode: 2 });
  const none = writeRecording(join(root, 'none'), {});
  await expect(buildProfile(none)).rejects.toMatchObject({ code: 'RECORDING_EMPTY', exitCode: 2 });
  expect(await outcome(Buffer.from('PK\x03\x04 something else entirely'))).toMatchObject({ code: 'NOT_A_RECORDING' });
});

test('a directory that we may not read', async (context) => {
  if (process.getuid?.() === 0) context.skip('root may read everything: run as another user');
  const closed = join(root, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0);
  await expect(buildProfile(closed)).rejects.toMatchObject({ code: 'RECORDING_UNREADABLE', exitCode: 2 });
  chmodSync(closed, 0o700);
});

test('a damaged or missing manifest is a notice: the .mpr files say enough', async () => {
  const without = writeRecording(join(root, 'without'), { '4711.0.mpr': smallRecording() }, null);
  expect((await buildProfile(without)).notices[0]).toMatchObject({ code: 'MANIFEST_MISSING' });
  writeFileSync(join(without, 'recording.json'), '{"format": ');
  expect((await buildProfile(without)).notices[0]).toMatchObject({ code: 'MANIFEST_DAMAGED' });
  await expect(readManifest(without)).rejects.toThrow(/is damaged/);
  writeFileSync(join(without, 'recording.json'), '{"format": "memprof-recording", "version": 1}');
  await expect(readManifest(without)).rejects.toThrow(/memprofVersion/);
});

test('one unreadable process among several is a notice', async () => {
  const files = { '4711.0.mpr': smallRecording(), '4712.0.mpr': Buffer.from('nothing') };
  const profile = await buildProfile(writeRecording(join(root, 'mixed'), files));
  expect(profile.processes).toHaveLength(1);
  expect(profile.notices.map((notice) => notice.code)).toContain('PROCESS_UNREADABLE');
});

test('a file that the manifest names and nobody finds is said, and paths out of the directory are not followed', async () => {
  const files = { '4711.0.mpr': smallRecording() };
  const directory = writeRecording(join(root, 'lost'), files, { files: ['4711.0.mpr', '9.0.mpr'] });
  expect((await buildProfile(directory)).notices).toContainEqual(expect.objectContaining({ code: 'PROCESS_MISSING' }));
  const outside = writeRecording(join(root, 'outside'), files, { files: ['../lost/4711.0.mpr'] });
  expect((await buildProfile(outside)).notices[0]).toMatchObject({ code: 'MANIFEST_DAMAGED' });
});
