import { expect, test } from 'vitest';
import { createStageFold } from '../../src/interpret/stage-changes.ts';
import { createTables } from '../../src/interpret/tables.ts';
import { EVENT, REGIONS, TAG, TAG_KIND } from '../../src/recording/wire.ts';

const MAIN = 77;
const MS = 1_000_000;

/** Tag 1 and 2 are the stages 'prefill' and 'decode', 3 a pool, 4 the pool in 'decode'. */
function tables() {
  const all = createTables();
  const strings = Buffer.alloc(4 + 12 + 12 + 8);
  let at = 4;
  const ids = ['prefill', 'decode', 'kv'].map((text) => {
    const id = at;
    strings.writeUInt32LE(text.length, at);
    strings.write(text, at + 4);
    at += 4 + Math.ceil(text.length / 4) * 4;
    return id;
  });
  all.append(REGIONS.indexOf('strings'), 0, strings.subarray(0, at));
  const tags = Buffer.alloc(5 * TAG.bytes);
  const tag = (number: number, kind: number, name: number) => {
    tags.writeUInt32LE(kind, number * TAG.bytes + TAG.kind);
    tags.writeUInt32LE(name, number * TAG.bytes + TAG.name);
  };
  tag(1, TAG_KIND.stage, ids[0] ?? 0);
  tag(2, TAG_KIND.stage, ids[1] ?? 0);
  tag(3, TAG_KIND.pool, ids[2] ?? 0);
  tag(4, TAG_KIND.context, 0);
  tags.writeUInt32LE(3, 4 * TAG.bytes + TAG.parent);
  tags.writeUInt32LE(2, 4 * TAG.bytes + TAG.stage);
  all.append(REGIONS.indexOf('tags'), 0, tags);
  return all;
}

function events(...all: readonly (readonly [timeNs: number, tag: number, tid?: number])[]): Buffer {
  return Buffer.concat(
    all.map(([timeNs, tag, tid = MAIN]) => {
      const record = Buffer.alloc(EVENT.bytes);
      record.writeBigUInt64LE(BigInt(timeNs), EVENT.timeNs);
      record.writeUInt32LE(tag, EVENT.tag);
      record.writeUInt32LE(tid, EVENT.tid);
      return record;
    }),
  );
}

test('a stage begins with the first sample of the main thread in it, whatever pool it is in', () => {
  const fold = createStageFold(tables());
  const all = events(
    [10 * MS, 3],
    [20 * MS, 1],
    [30 * MS, 1],
    [40 * MS, 2, 99], // another thread
    [50 * MS, 4],
    [60 * MS, 2],
    [70 * MS, 0],
    [80 * MS, 4],
    [90 * MS, 4_000], // no tag of ours
  );
  fold.add(all, MAIN);
  expect(fold.changes()).toEqual([
    { timeNs: 20 * MS, stage: 'prefill' },
    { timeNs: 50 * MS, stage: 'decode' },
    { timeNs: 80 * MS, stage: 'decode' },
  ]);
});

test('a program that changes its stage without end has 500 changes at most, spread over its life', () => {
  const fold = createStageFold(tables());
  for (let i = 0; i < 20_000; i++) fold.add(events([i * 2 * MS, 1 + (i % 2)]), MAIN);
  const changes = fold.changes();
  expect(changes.length).toBeLessThanOrEqual(500);
  expect(changes.length).toBeGreaterThan(100);
  expect(changes[0]?.timeNs).toBe(0);
  expect(changes.at(-1)?.timeNs).toBeGreaterThan(39_000 * MS);
});
