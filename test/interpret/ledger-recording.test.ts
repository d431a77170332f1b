import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ledgerInputsOf, ledgersOf } from '../../src/interpret/ledger-recording.ts';
import type { LedgerInputs } from '../../src/model/ledger.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import type { LedgerReading } from '../../src/recording/ledger.ts';
import { jsonChunk, type ProcessRecorder, recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const MIB = 1 << 20;
const STARTED_UNIX_NS = 1_700_000_000_000_000_000n;
const STARTED_MONO_NS = 1_000_000;

/** Of a process that has one mapping, and nothing else. */
function reading(pid: number, seconds: number, rssBytes: number, reason: LedgerReading['reason']): LedgerReading {
  return {
    reason,
    timeNs: String(STARTED_MONO_NS + seconds * 1e9),
    pid,
    name: 'node',
    durationNs: 1e6,
    mallocNs: 0,
    retries: 0,
    rssBeforeBytes: rssBytes,
    rssAfterBytes: rssBytes,
    pssBytes: rssBytes / 2,
    status: { rssBytes, highWaterBytes: rssBytes, swapBytes: 0, pageTableBytes: 0, hugetlbBytes: 0, threads: 1 },
    paths: ['/models/a.gguf'],
    executable: -1,
    regions: [[0x7f00_0000_0000, rssBytes, 1, 0, rssBytes, 0, 0, 0]],
    pieces: [],
    unseen: ['v8'],
  };
}

/** A process that is seen from `from` to `to`, with readings `[seconds, MiB, reason]`. */
function processOf(
  pid: number,
  to: number,
  readings: readonly (readonly [number, number, LedgerReading['reason']])[],
): ProcessRecorder {
  const recorder = recordProcess(pid);
  recorder.process();
  recorder.flush();
  for (const [seconds, size, reason] of readings) {
    recorder.raw(jsonChunk(CHUNK.ledger, reading(pid, seconds, size * MIB, reason)));
  }
  recorder.at(to);
  recorder.gauge(77 * MIB);
  return recorder;
}

const parent = temporaryDirectory('ledger-recording');
let folder: string;
const at = async (moment: Parameters<typeof ledgerInputsOf>[1], from = folder): Promise<[number, number, number?][]> =>
  (await ledgerInputsOf(from, moment)).map(({ pid, rssBytes, sinceStartNs = 0 }) => [
    pid,
    rssBytes / MIB,
    sinceStartNs / 1e9,
  ]);

beforeAll(() => {
  const main = processOf(7, 20, [
    [1, 100, 'peak'],
    [4, 900, 'peak'],
    [9, 300, 'timer'],
    [19, 310, 'end'],
  ]);
  const child = processOf(8, 5, [[2, 50, 'peak']]);
  folder = writeRecording(
    join(parent, 'two'),
    { '7.0.mpr': main.bytes(), '8.0.mpr': child.bytes() },
    { startedAtNs: String(STARTED_UNIX_NS), endedAtNs: String(STARTED_UNIX_NS + 20_000_000_000n) },
  );
});

describe('which reading is shown', () => {
  test('the last, and the one of the highest RSS, of each process', async () => {
    expect(await at('end')).toEqual([
      [7, 310, 19],
      [8, 50, 2],
    ]);
    expect(await at('peak')).toEqual([
      [7, 900, 4],
      [8, 50, 2],
    ]);
  });

  test('the peak is not read in a hurry, where another reading has about as much', async () => {
    const recorder = processOf(9, 5, [[2, 1000, 'timer']]);
    recorder.raw(jsonChunk(CHUNK.ledger, { ...reading(9, 4, 1003 * MIB, 'end'), unseen: ['v8', 'ended', 'memory'] }));
    const hurried = writeRecording(join(parent, 'hurried'), { '9.0.mpr': recorder.bytes() });
    expect(await at('peak', hurried)).toEqual([[9, 1000, 2]]);
    expect(await at('end', hurried)).toEqual([[9, 1003, 4]]);
  });

  test('the nearest to a time, of those that ran then', async () => {
    expect(await at({ afterStartNs: 6_400_000_000n })).toEqual([[7, 900, 4]]);
    expect(await at({ afterStartNs: 6_600_000_000n })).toEqual([[7, 300, 9]]);
    expect(await at({ afterStartNs: 0n })).toEqual([
      [7, 100, 1],
      [8, 50, 2],
    ]);
    expect(await at({ share: 0.5 })).toEqual([[7, 300, 9]]);
    expect(await at({ share: 1 })).toEqual([[7, 310, 19]]);
  });

  test('a time after the end has none, and the run’s length is said', async () => {
    await expect(at({ afterStartNs: 60_000_000_000n })).rejects.toMatchObject({
      code: 'NO_SUCH_MOMENT',
      exitCode: 2,
      message: expect.stringContaining('the run took 20.0 s'),
    });
  });

  test('all of them, for those who draw', async () => {
    const all = await ledgersOf(folder);
    expect(all.map(({ pid, readings }) => [pid, readings.map(({ rssBytes }) => rssBytes / MIB)])).toEqual([
      [7, [100, 900, 300, 310]],
      [8, [50]],
    ]);
    expect(all[1]?.readings[0]?.timeNs).toBe(STARTED_UNIX_NS + 2_000_000_000n);
  });
});

describe('what is said of it', () => {
  const find = async (pid: number): Promise<LedgerInputs | undefined> =>
    (await ledgerInputsOf(folder, 'end')).find((one) => one.pid === pid);

  test('an end that was not read says how old its reading is', async () => {
    expect((await find(8))?.unseen).toContainEqual(
      'the end itself: this is the last reading, 3.0 s before it; RSS was 77.0 MiB when it was last seen',
    );
    expect((await find(7))?.unseen.filter((text) => text.startsWith('the end'))).toEqual([]);
  });
});

describe('recordings with something missing', () => {
  test('a reading that makes no sense is passed over', async () => {
    const recorder = processOf(9, 5, [[2, 50, 'peak']]);
    recorder.raw(jsonChunk(CHUNK.ledger, { ...reading(9, 3, 60 * MIB, 'timer'), regions: [[1]] }));
    recorder.raw(jsonChunk(CHUNK.ledger, { reason: 'end' }));
    const damaged = writeRecording(join(parent, 'damaged'), { '9.0.mpr': recorder.bytes() });
    expect(await at('end', damaged)).toEqual([[9, 50, 2]]);
    expect(await at('peak', damaged)).toEqual([[9, 50, 2]]);
    expect((await ledgersOf(damaged)).map(({ readings }) => readings.length)).toEqual([1]);
  });

  test('without a manifest the first process began the run', async () => {
    const recorder = processOf(9, 5, [[2, 50, 'peak']]);
    const bare = writeRecording(join(parent, 'bare'), { '9.0.mpr': recorder.bytes() }, null);
    expect(await at({ share: 0.5 }, bare)).toEqual([[9, 50, 2]]);
  });

  test('none at all', async () => {
    const none = writeRecording(join(parent, 'none'), { '9.0.mpr': processOf(9, 5, []).bytes() });
    await expect(at('end', none)).rejects.toMatchObject({ code: 'NO_READINGS', exitCode: 2 });
    await expect(ledgersOf(none)).rejects.toMatchObject({ code: 'NO_READINGS' });
  });
});
