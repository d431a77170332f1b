import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { takeSnapshot } from '../../src/capture/snapshot.ts';
import { readHeader } from '../../src/capture/store-reader.ts';
import { SNAPSHOT_HEADER_BYTES } from '../../src/recording/chunks.ts';
import { LIVE, SITE } from '../../src/recording/wire.ts';
import { makeFakeStore } from './fake-store.ts';

function liveRecord(address: bigint, sequence: number): Buffer {
  const record = Buffer.alloc(LIVE.bytes);
  record.writeBigUInt64LE(address, LIVE.address);
  record.writeUInt32LE(sequence, LIVE.sequence);
  return record;
}

function snapshotOf(slots: readonly [bigint, number][], complete: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'snapshot-test-'));
  const store = makeFakeStore(join(folder, '1.0.store'), 53);
  const fd = openSync(store.path, 'r');
  onTestFinished(() => {
    closeSync(fd);
    store.close();
    rmSync(folder, { recursive: true });
  });
  slots.forEach(([address, sequence], i) => {
    store.write('live', i, liveRecord(address, sequence));
  });
  store.setUsed('live', slots.length);
  store.setUsed('sites', 3);
  const header = readHeader(fd);
  if (header === undefined) throw new Error('no header');
  const taken = takeSnapshot(fd, header, 'peak', complete, 7919n);
  return { payload: Buffer.concat(taken.payload), missed: taken.missedSlots };
}

test('the payload is what docs/reference/recording.md draws', () => {
  const { payload, missed } = snapshotOf(
    [
      [0x1000n, 2],
      [0n, 4],
      [0x2000n, 6],
    ],
    true,
  );
  expect(payload.readUInt32LE(0)).toBe(3); // peak
  expect(payload.readUInt32LE(4)).toBe(1); // complete
  expect(payload.readBigUInt64LE(8)).toBe(7919n);
  expect([16, 24, 32].map((at) => Number(payload.readBigUInt64LE(at)))).toEqual([3, 2, 0]);
  expect(payload.length).toBe(SNAPSHOT_HEADER_BYTES + 3 * SITE.bytes + 2 * LIVE.bytes);
  const first = SNAPSHOT_HEADER_BYTES + 3 * SITE.bytes;
  expect(payload.readBigUInt64LE(first + LIVE.address)).toBe(0x1000n);
  expect(payload.readBigUInt64LE(first + LIVE.bytes + LIVE.address)).toBe(0x2000n);
  expect(missed).toBe(0);
});

test.each([true, false])('a slot that is being written is left out and counted (complete: %s)', (complete) => {
  const { payload, missed } = snapshotOf(
    [
      [0x1000n, 2],
      [0x2000n, 3],
    ],
    complete,
  );
  expect(Number(payload.readBigUInt64LE(24))).toBe(1);
  expect(missed).toBe(1);
});
