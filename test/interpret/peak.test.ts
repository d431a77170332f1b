import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { createUseFold } from '../../src/interpret/peak.ts';
import type { SiteUse } from '../../src/interpret/site-use.ts';
import { EVENT, EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { type EventRecord, encodeEvents } from '../helpers/events.ts';
import { randomNumbers } from '../helpers/random.ts';
import { recordProcess, writeRecording } from '../helpers/recording-builder.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = temporaryDirectory('peak');

/** At 1000 ns, 1001 ns, ... */
const timed = (events: readonly EventRecord[]): EventRecord[] =>
  events.map((event, index) => ({ ...event, timeNs: 1000 + index }));

/** The slow way: the whole state is copied at each maximum. */
function bruteForce(events: readonly EventRecord[]): { bytes: number; timeNs: bigint; sites: Map<number, number> } {
  const now = new Map<number, number>();
  let best = { bytes: 0, timeNs: 0n, sites: new Map<number, number>() };
  events.forEach((event, index) => {
    const sign = event.type === EVENT_TYPE.alloc || event.type === EVENT_TYPE.commit ? 1 : -1;
    now.set(event.site, (now.get(event.site) ?? 0) + sign * event.weight);
    const bytes = [...now.values()].reduce((a, b) => a + b, 0);
    if (bytes > best.bytes) best = { bytes, timeNs: BigInt(1000 + index), sites: new Map(now) };
  });
  for (const [site, bytes] of best.sites) if (bytes === 0) best.sites.delete(site);
  return best;
}

test('the folded peak is the one that copying everything at each maximum finds', () => {
  const next = randomNumbers(7);
  for (let round = 0; round < 300; round++) {
    const live: EventRecord[] = [];
    const events: EventRecord[] = [];
    for (let step = 0; step < 60; step++) {
      const goes = live.length > 0 && next(100) < 45 ? live.splice(next(live.length), 1)[0] : undefined;
      if (goes !== undefined) {
        events.push({ ...goes, type: goes.heap === HEAP.malloc ? EVENT_TYPE.free : EVENT_TYPE.decommit });
        continue;
      }
      const size = 1 + next(10_000);
      const isMap = next(4) === 0;
      // Whole-number weights, so that sums are exact in any order.
      const weight = isMap ? size : size * (1 + next(7));
      const site = next(6) + (isMap ? 10 : 0);
      const event = {
        type: isMap ? EVENT_TYPE.commit : EVENT_TYPE.alloc,
        heap: isMap ? HEAP.mmap : HEAP.malloc,
        site,
        size,
        weight,
      };
      live.push(event);
      events.push(event);
    }
    const fold = createUseFold();
    const cut = next(events.length);
    const records = encodeEvents(timed(events));
    fold.add(records.subarray(0, cut * EVENT.bytes));
    fold.add(records.subarray(cut * EVENT.bytes));
    const truth = bruteForce(events);
    expect(fold.peak().timeNs).toBe(truth.timeNs);
    const found = new Map([...fold.atPeak()].map(([site, use]: [number, SiteUse]) => [site, Math.round(use.bytes)]));
    expect(new Map([...found].sort())).toEqual(new Map([...truth.sites].sort()));
  }
});

test('the peak of a recording: what was in use then, not what came later', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const big = recorder.site({ stack: [recorder.native(0x10n)] });
  const late = recorder.site({ stack: [recorder.native(0x20n)] });
  const mapped = recorder.site({ stack: [recorder.native(0x30n)], heap: 'mmap' });
  const blocks = [recorder.alloc({ site: big, size: 1_000_003 }), recorder.alloc({ site: big, size: 500_009 })];
  const mapping = recorder.map(mapped, 69_632);
  for (const block of blocks) recorder.free(block);
  recorder.unmap(mapping);
  recorder.alloc({ site: late, size: 1009, weight: 2018 });
  recorder.snapshot('end');
  recorder.end();
  const directory = writeRecording(join(root, 'peak'), { '4711.0.mpr': recorder.bytes() });
  const peak = await buildProfile(directory, { moment: 'peak' });
  expect(peak.samples.map((sample) => sample.values)).toEqual([
    [2, 1_500_012, 2, 1_500_012],
    [2, 2018, 0, 0],
    [1, 69_632, 1, 69_632],
  ]);
  expect(peak.processes[0]?.peakBytes).toBe(1_500_012 + 69_632);
  const end = await buildProfile(directory);
  expect(end.samples.map((sample) => sample.values[3])).toEqual([0, 2018, 0]);
});

test('after a loss the peak is the last snapshot at a new maximum, not what the rest of the events add up to', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const site = recorder.site({ stack: [recorder.native(0x10n)] });
  recorder.alloc({ site, size: 100_003 });
  recorder.loseEvents(7);
  recorder.snapshot('peak');
  // Of what comes after a gap nobody knows whether it was freed in it.
  recorder.alloc({ site, size: 300_007 });
  recorder.snapshot('end');
  const directory = writeRecording(join(root, 'capped'), { '4711.0.mpr': recorder.bytes() });
  const peak = await buildProfile(directory, { moment: 'peak' });
  expect(peak.samples.map((sample) => sample.values[3])).toEqual([100_003]);
});

test('lost events make the peak approximate, and a notice says so', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  const site = recorder.site({ stack: [recorder.native(0x10n)] });
  recorder.alloc({ site, size: 1009 });
  recorder.loseEvents(7);
  recorder.snapshot('end');
  const directory = writeRecording(join(root, 'lost'), { '4711.0.mpr': recorder.bytes() });
  const { notices } = await buildProfile(directory, { moment: 'peak' });
  expect(notices).toContainEqual(expect.objectContaining({ code: 'PEAK_APPROXIMATE', pid: 4711 }));
});

test('a moment that nobody recorded is an error that says what there is', async () => {
  const recorder = recordProcess(4711);
  recorder.process();
  recorder.snapshot('end');
  const directory = writeRecording(join(root, 'moment'), { '4711.0.mpr': recorder.bytes() });
  await expect(buildProfile(directory, { moment: 'demand' })).rejects.toMatchObject({
    code: 'NO_SUCH_MOMENT',
    exitCode: 2,
  });
});

test('sites are told apart by any number that a record can hold', () => {
  const sites = [0, 5_000, 2 ** 22 - 1, 2 ** 22, 2 ** 32 - 1];
  const fold = createUseFold();
  const mapped = { type: EVENT_TYPE.commit, heap: HEAP.mmap, weight: 0 };
  for (let round = 0; round < 2; round++)
    fold.add(encodeEvents(sites.map((site, size) => ({ ...mapped, site, size: size + 1 }))));
  expect([...fold.atEnd()].map(([site, { bytes }]) => [site, bytes])).toEqual(
    sites.map((site, size) => [site, 2 * (size + 1)]),
  );
});
