import { appendFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRecordingFile, writeManifest } from '../../src/capture/recording-writer.ts';
import { openChunkStream } from '../../src/interpret/chunk-stream.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { readManifest, scratch } from '../cli/run-cli.ts';
import { jsonOf, readChunks } from './read-chunks.ts';

const never = (cause: unknown): never => {
  throw cause;
};

test.each([0, 1, 7, 8, 9, 1009])('a payload of %i bytes comes back, padded', (length) => {
  const folder = scratch();
  const file = createRecordingFile(folder, '7.0', never);
  const payload = Buffer.from(Array.from({ length }, (_, i) => (i * 31) % 256));
  expect(file.append(CHUNK.agent, [payload.subarray(0, 3), payload.subarray(3)])).toBe(true);
  expect(file.appendJson(CHUNK.end, { exitCode: 3 })).toBe(true);
  file.close();
  const chunks = readChunks(join(folder, '7.0.mpr'));
  expect(chunks.map(({ type }) => type)).toEqual([CHUNK.agent, CHUNK.end]);
  expect(chunks[0]?.payload.equals(payload)).toBe(true);
  expect(jsonOf(chunks[1])).toEqual({ exitCode: 3 });
  expect(statSync(join(folder, '7.0.mpr')).mode & 0o777).toBe(0o600);
});

test('an empty part does not spoil the sum: the snapshot of a program too short for a sample', () => {
  const folder = scratch();
  const file = createRecordingFile(folder, '7.0', never);
  const parts = ['fixed', '', 'part', ''].map((text) => Buffer.from(text));
  expect(file.append(CHUNK.snapshot, parts)).toBe(true);
  file.close();
  const stream = openChunkStream(join(folder, '7.0.mpr'));
  const payloads = [...stream.chunks()].map((chunk) => chunk.payload()?.toString());
  stream.close();
  expect(payloads).toEqual(['fixedpart']);
});

test('a pid that came back gets a file of its own', () => {
  const folder = scratch();
  const names = [1, 2, 3].map(() => createRecordingFile(folder, '7.0', never).name());
  expect(names).toEqual(['7.0.mpr', '7.0-2.mpr', '7.0-3.mpr']);
});

test('a folder that cannot be written: told once per refusal, and no throw', () => {
  const causes: unknown[] = [];
  const file = createRecordingFile('/proc/nope', '7.0', (cause) => causes.push(cause));
  expect(file.append(CHUNK.agent, [Buffer.from('x')])).toBe(false);
  expect(file.name()).toBeUndefined();
  file.close();
  expect(causes.map((cause) => (cause as NodeJS.ErrnoException).code)).toEqual(['ENOENT']);
});

test('the manifest is replaced in one step and leaves no draft', () => {
  const folder = scratch();
  writeFileSync(join(folder, 'recording.json'), 'old');
  const manifest = { ...readBase(), files: ['7.0.mpr'] };
  writeManifest(folder, manifest);
  expect(readManifest(folder)).toEqual(manifest);
  expect(readdirSync(folder)).toEqual(['recording.json']);
});

function readBase() {
  return {
    format: 'memprof-recording',
    version: 1,
    memprofVersion: '0.1.0',
    startedAtNs: '1',
    host: { platform: 'linux', arch: 'x64', kernel: '6' },
    program: { name: 'node', pid: 7 },
    settings: { native: true, v8: true, sampleBytes: 1, v8IntervalBytes: 1, maxSamplesPerSecond: 1 },
    files: [],
    emptyProcesses: 0,
    notices: [],
  } as const;
}

test('the test reader itself notices a flipped bit and a missing byte', () => {
  const folder = scratch();
  const file = createRecordingFile(folder, '7.0', never);
  file.append(CHUNK.agent, [Buffer.from('12345678')]);
  file.close();
  appendFileSync(join(folder, '7.0.mpr'), Buffer.alloc(16, 1));
  expect(() => readChunks(join(folder, '7.0.mpr'))).toThrow('cut off');
});
