import { openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRecordingFile } from '../../src/capture/recording-writer.ts';
import { createRegionDrain } from '../../src/capture/region-drain.ts';
import { readHeader } from '../../src/capture/store-reader.ts';
import { createTables } from '../../src/interpret/tables.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { TAG, TAG_KIND } from '../../src/recording/wire.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { makeFakeStore } from './fake-store.ts';
import { readChunks } from './read-chunks.ts';

const root = temporaryDirectory('region-drain');

function tagRecord(releasedNs: bigint): Buffer {
  const record = Buffer.alloc(TAG.bytes);
  record.writeUInt32LE(TAG_KIND.arena, TAG.kind);
  record.writeBigUInt64LE(releasedNs, TAG.releasedNs);
  return record;
}

test('tags go over once, and again where something has changed', () => {
  const store = makeFakeStore(join(root, '1.0.store'), 64);
  const fd = openSync(store.path, 'r');
  const regions = createRegionDrain(fd);
  const out = createRecordingFile(root, '1.0', (cause) => {
    throw cause;
  });
  const header = () => {
    const read = readHeader(fd);
    if (read === undefined) throw new Error('no header');
    return read;
  };
  for (let tag = 0; tag < 10; tag++) store.write('tags', tag, tagRecord(0n));
  store.setUsed('tags', 6);
  regions.drain(out, header());
  regions.refreshTags(out, header());
  store.setUsed('tags', 10);
  regions.drain(out, header());
  for (const tag of [2, 3, 8]) store.write('tags', tag, tagRecord(BigInt(tag)));
  regions.refreshTags(out, header());
  regions.refreshTags(out, header());
  out.close();
  store.close();

  const tables = createTables();
  const chunks = readChunks(join(root, '1.0.mpr')).filter(({ type }) => type === CHUNK.region);
  const pieces = chunks.map(({ payload }) => {
    const [region, first] = [payload.readUInt32LE(0), Number(payload.readBigUInt64LE(8))];
    expect(tables.append(region, first, payload.subarray(16))).toBe(true);
    return [first, (payload.length - 16) / TAG.bytes];
  });
  expect(pieces).toEqual([
    [0, 6],
    [6, 4],
    [2, 2],
    [8, 1],
  ]);
  expect(Array.from({ length: 10 }, (_, tag) => Number(tables.tag(tag)?.releasedNs ?? -1))).toEqual([
    -1, 0, 2, 3, 0, 0, 0, 0, 8, 0,
  ]);
});
