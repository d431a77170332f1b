import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRingReader, type EventBatch, type RingReader } from '../../src/capture/event-ring.ts';
import { readHeader } from '../../src/capture/store-reader.ts';
import { EVENT } from '../../src/recording/wire.ts';
import { type FakeStore, makeFakeStore } from './fake-store.ts';

const CAPACITY = 97;
let folder: string;
let store: FakeStore;
let fd: number;
let reader: RingReader;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring-test-'));
  store = makeFakeStore(join(folder, '1.0.store'), CAPACITY);
  fd = openSync(store.path, 'r');
  reader = createRingReader(fd);
});

afterEach(() => {
  closeSync(fd);
  store.close();
  rmSync(folder, { recursive: true });
});

function read(isOver = false): EventBatch[] {
  const header = readHeader(fd);
  if (header === undefined) throw new Error('no header');
  return reader.read(header, isOver);
}

/** Every event number in the batches; throws if an event is not what was written under its number. */
function numbers(batches: readonly EventBatch[]): number[] {
  return batches.flatMap(({ first, records }) =>
    Array.from({ length: records.length / EVENT.bytes }, (_, i) => {
      const ticket = Number(records.readBigUInt64LE(i * EVENT.bytes));
      if (ticket !== first + i + 1) throw new Error(`event ${first + i} has ticket ${ticket}`);
      return first + i;
    }),
  );
}

function writeUpTo(from: number, to: number): void {
  for (let event = from; event < to; event++) store.writeEvent(event);
  store.setUsed('ring', to);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('the event ring', () => {
  test('gives every event once, in order, across the wrap', () => {
    writeUpTo(0, 61);
    const first = numbers(read());
    writeUpTo(61, 139);
    expect([...first, ...numbers(read())]).toEqual(range(0, 139));
    expect(numbers(read())).toEqual([]);
    expect(reader.lostEvents()).toBe(0);
  });

  test('counts events that were overwritten before they were read', () => {
    writeUpTo(0, 13);
    read();
    writeUpTo(13, 13 + CAPACITY + 29);
    const batches = read();
    expect(batches[0]?.lostBefore).toBe(29);
    expect(numbers(batches)).toEqual(range(42, 42 + CAPACITY));
    expect(reader.lostEvents()).toBe(29);
  });

  test('tells of a loss that no event follows, once', () => {
    writeUpTo(0, 13);
    const [batch] = read();
    if (batch !== undefined) reader.lose(batch);
    expect(reader.takeLoss()).toEqual({ first: 13, lostBefore: 13, records: Buffer.alloc(0) });
    expect(reader.takeLoss()).toBeUndefined();
    expect(reader.lostEvents()).toBe(13);
  });

  test('waits for an event that is still being written, and takes it later', () => {
    writeUpTo(0, 7);
    store.setUsed('ring', 9);
    store.writeEvent(8);
    expect(numbers(read())).toEqual(range(0, 7));
    store.writeEvent(7);
    expect(numbers(read())).toEqual([7, 8]);
    expect(reader.lostEvents()).toBe(0);
  });

  test('passes an event that its dead writer never finished', () => {
    writeUpTo(0, 7);
    store.setUsed('ring', 9);
    store.writeEvent(8);
    const batches = read(true);
    expect(numbers(batches)).toEqual([0, 1, 2, 3, 4, 5, 6, 8]);
    expect(batches.map((batch) => batch.lostBefore)).toEqual([0, 1]);
  });

  test('does not wait for a sleeping writer until the whole ring is lost', () => {
    writeUpTo(1, 60);
    expect(numbers(read())).toEqual(range(1, 60));
    expect(reader.lostEvents()).toBe(1);
  });

  test('never takes an event that a writer replaced during the read', () => {
    writeUpTo(0, 20);
    store.writeEvent(5 + CAPACITY); // the header still says 20: the writer is in between
    expect(numbers(read())).not.toContain(5);
  });

  test('a batch that could not be written counts as lost, before the next one', () => {
    writeUpTo(0, 11);
    const [batch] = read();
    if (batch === undefined) throw new Error('no batch');
    reader.lose(batch);
    writeUpTo(11, 12);
    expect(read()[0]?.lostBefore).toBe(11);
  });
});
