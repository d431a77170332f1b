import { expect, test } from 'vitest';
import { ownersOfPieces, readSampledTables, type SiteNamer } from '../../src/interpret/ledger-samples.ts';
import type { Labels } from '../../src/model/profile.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { ARENA_MMAPPED } from '../../src/recording/wire.ts';
import { recordProcess } from '../helpers/recording-builder.ts';

const MIB = 1 << 20;
const base: Labels = { heap: 'libc.malloc', tier: 'host', pid: 7, arena_source: 'cped' };

/** Sites 0 and 1 in the heap, 2 and 3 mapped on their own. */
function tables(isGlibc = true) {
  const recorder = recordProcess(7);
  const heap = [0, 1].map(() => recorder.site({ stack: [] }));
  const mapped = [0, 1].map(() => recorder.site({ stack: [], arena: ARENA_MMAPPED }));
  for (const site of heap) for (let i = 0; i < 10; i++) recorder.alloc({ site, size: 1000, weight: 65_536 });
  const addresses = mapped.map((site) => Number(recorder.alloc({ site, size: 3 * MIB })));
  recorder.snapshot('end');
  const names: (Labels | undefined)[] = [
    { ...base, pool: 'kv', arena: 'a' },
    { ...base, arena: 'glibc#0', arena_source: 'allocator' },
    { ...base, pool: 'kv', arena: 'b' },
    undefined,
  ];
  const nameSite: SiteNamer = (_, index) => names[index];
  return { addresses, tables: readSampledTables(snapshotOf(recorder.bytes()), 0n, nameSite, isGlibc) };
}

/** The payload of the last SNAPSHOT chunk. */
function snapshotOf(file: Buffer): Buffer {
  let found: Buffer = Buffer.alloc(0);
  for (let at = 16; at < file.length; ) {
    const bytes = file.readUInt32LE(at + 8);
    if (file.readUInt32LE(at) === CHUNK.snapshot) found = file.subarray(at + 16, at + 16 + bytes);
    at += 16 + Math.ceil(bytes / 8) * 8;
  }
  return found;
}

test('samples in heaps, by pool and arena: the allocator’s own region is nobody', () => {
  const { liveOwners } = tables().tables;
  expect(liveOwners.map(({ pool, arena, bytes }) => [pool, arena, Math.round(bytes)])).toEqual([
    ['kv', 'a', 655_360],
    ['', '', 655_360],
  ]);
  expect(liveOwners[0]?.bytesVariance).toBeGreaterThan(0);
});

test('blocks mapped on their own are found by the addresses in them', () => {
  const { addresses, tables: read } = tables();
  const [first = 0, second = 0] = addresses;
  const chunk = 0;
  const heap = 1;
  expect(
    ownersOfPieces(
      [
        [first - 8, 16, chunk, 1 * MIB],
        [second - 8, 16, chunk, 2 * MIB],
        [0x9000_0000, 4096, chunk, 4096],
        [0x1000, 2 ** 40, heap, 7 * MIB],
      ],
      [read],
    ),
  ).toEqual([
    { pool: '', arena: '', bytes: 2 * MIB + 4096 },
    { pool: 'kv', arena: 'b', bytes: 1 * MIB },
  ]);
});

test('another allocator has all blocks in its heaps', () => {
  const { liveOwners } = tables(false).tables;
  expect(liveOwners.map(({ pool, arena, bytes }) => [pool, arena, Math.round(bytes)])).toEqual([
    ['', '', 655_360 + 3 * MIB],
    ['kv', 'b', 3 * MIB],
    ['kv', 'a', 655_360],
  ]);
});

test('a snapshot that makes no sense has none', () => {
  for (const payload of [Buffer.alloc(0), Buffer.alloc(40, 0xff)]) {
    const read = readSampledTables(payload, 0n, () => undefined, true);
    expect([read.liveOwners, ownersOfPieces([[0, 4096, 0, 4096]], [read])]).toEqual([
      [],
      [{ pool: '', arena: '', bytes: 4096 }],
    ]);
  }
});
