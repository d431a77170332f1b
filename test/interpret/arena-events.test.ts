import { describe, expect, test } from 'vitest';
import { type ArenaEvents, followArenas, type Tally } from '../../src/interpret/arena-events.ts';
import { createBlockTimes } from '../../src/interpret/block-times.ts';
import { NO_SUM } from '../../src/interpret/sums.ts';
import { EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';
import { type EventRecord, encodeEvents } from '../helpers/events.ts';
import { randomNumbers } from '../helpers/random.ts';

type Event = EventRecord & { readonly address: number; readonly timeNs: number; readonly tag: number };

/** Sites 0 to 5: 0, 3 in no arena; 1, 2 in arena 0; 4 in arena 1, both of pool 0; 5 in arena 2, of a rule and of no pool. */
const OF_SITE = [-1, 0, 0, -1, 1, 2];
const POOL_OF_ARENA = [0, 0, -1];
/** Tag 1 runs in arena 0, tag 2 in arena 1; 0 and 3 in none. */
const ARENA_OF_TAG = [-1, 0, 1, -1];

const follow = (): ArenaEvents =>
  followArenas({
    count: 3,
    ofSite: Int32Array.from(OF_SITE),
    isCarried: Uint8Array.from([1, 1, 0]),
    current: (tag) => ARENA_OF_TAG[tag] ?? -1,
    poolOfArena: Int32Array.from(POOL_OF_ARENA),
    poolCount: 1,
  });

/** A program at random. Weights are whole multiples of sizes, so that sums are exact in any order. */
function program(seed: number, steps: number): Event[] {
  const next = randomNumbers(seed);
  const live: Event[] = [];
  const events: Event[] = [];
  let timeNs = 1_000_000;
  for (let step = 0; step < steps; step++) {
    timeNs += next(400_000_000);
    const gone = live.length > 0 && next(100) < 48 ? live.splice(next(live.length), 1)[0] : undefined;
    if (gone !== undefined) {
      const isBacking = next(10) === 0;
      const left = isBacking ? EVENT_TYPE.backing : EVENT_TYPE.free;
      const type = gone.type === EVENT_TYPE.alloc ? left : EVENT_TYPE.decommit;
      events.push({ ...gone, type, timeNs, tag: next(4) });
      continue;
    }
    const size = 1 + next(10_000);
    const isMap = next(4) === 0;
    const event: Event = {
      type: isMap ? EVENT_TYPE.commit : EVENT_TYPE.alloc,
      heap: isMap ? HEAP.mmap : HEAP.malloc,
      site: next(OF_SITE.length),
      tag: next(4),
      // Addresses come again, as those of an allocator do.
      address: 0x7f00_0000_0000 + 16 * freePlace(live, next),
      size,
      weight: isMap ? size : size * (1 + next(7)),
      timeNs,
    };
    live.push(event);
    events.push(event);
  }
  return events;
}

function freePlace(live: readonly Event[], next: (limit: number) => number): number {
  const taken = new Set(live.map(({ address }) => (address - 0x7f00_0000_0000) / 16));
  let place = next(64);
  while (taken.has(place)) place++;
  return place;
}

/** The slow way: every figure from the whole list of what is live, after each event. */
function oracle(events: readonly Event[], isOwn: (event: Event) => boolean) {
  let live: Event[] = [];
  const result = { live: 0, peak: 0, allocated: 0, freed: 0, churn: 0, elsewhere: 0, lastAllocation: 0, lastFreed: 0 };
  const bytesOf = (list: readonly Event[]): number => list.reduce((sum, { weight }) => sum + weight, 0);
  for (const event of events) {
    if (!isOwn(event)) continue;
    if (event.type === EVENT_TYPE.alloc || event.type === EVENT_TYPE.commit) {
      live.push(event);
      result.allocated += event.weight;
      result.lastAllocation = event.timeNs;
      result.lastFreed = 0;
    } else {
      const born = live.find(({ address }) => address === event.address);
      live = live.filter((one) => one !== born);
      // What a heap of the program's own is made of leaves the books: it was no allocation.
      if (event.type === EVENT_TYPE.backing) result.allocated -= event.weight;
      else result.freed += event.weight;
      const isFree = event.type !== EVENT_TYPE.backing;
      if (isFree && born !== undefined && event.timeNs - born.timeNs < 1e9) result.churn += event.weight;
      const [own, current] = [OF_SITE[event.site] ?? -1, ARENA_OF_TAG[event.tag] ?? -1];
      if (isFree && own < 2 && current >= 0 && current !== own) result.elsewhere += event.weight;
      if (live.length === 0) result.lastFreed = event.timeNs;
    }
    result.live = bytesOf(live);
    result.peak = Math.max(result.peak, result.live);
  }
  return result;
}

const shown = (tally: Tally) => ({
  live: tally.live.bytes,
  peak: tally.peak.bytes,
  allocated: tally.allocated.bytes,
  churn: tally.churn.bytes,
  elsewhere: tally.freedElsewhere.bytes,
  lastAllocation: tally.lastAllocationNs,
  lastFreed: tally.lastFreedNs,
});

describe('the figures of arenas', () => {
  test('are those that counting everything after each event finds', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const events = program(seed, 80);
      const follower = follow();
      const cut = seed % events.length;
      follower.add(encodeEvents(events.slice(0, cut)));
      follower.add(encodeEvents(events.slice(cut)));
      for (const arena of [0, 1, 2]) {
        const { freed, ...truth } = oracle(events, ({ site }) => OF_SITE[site] === arena);
        const tally = follower.arena(arena);
        expect(shown(tally), `seed ${seed}, arena ${arena}`).toEqual(truth);
        expect(tally.allocated.bytes - freed).toBe(tally.live.bytes);
      }
      const ofPool = oracle(events, ({ site }) => OF_SITE[site] === 0 || OF_SITE[site] === 1);
      expect(follower.pool(0)).toMatchObject({ live: { bytes: ofPool.live }, peak: { bytes: ofPool.peak } });
    }
  });

  test('know how many arenas held memory at once, and how many sizes there were', () => {
    const follower = follow();
    const block = { type: EVENT_TYPE.alloc, heap: HEAP.malloc, tag: 0, weight: 1009, size: 1009, timeNs: 5 };
    const free = { ...block, type: EVENT_TYPE.free, timeNs: 7 };
    const [first, second] = [
      { site: 1, address: 16 },
      { site: 4, address: 32 },
    ];
    follower.add(
      encodeEvents([
        { ...block, ...first },
        { ...free, ...first },
        { ...block, ...second, size: 997 },
      ]),
    );
    expect(follower.pool(0)).toMatchObject({ peakArenas: 1, sizes: 2 });
    follower.add(encodeEvents([{ ...block, ...first }]));
    expect(follower.pool(0)).toMatchObject({ peakArenas: 2, sizes: 2 });
  });

  test('have the variance of the samples, and none for mappings', () => {
    const follower = follow();
    const block = { type: EVENT_TYPE.alloc, heap: HEAP.malloc, site: 1, tag: 0, address: 16, timeNs: 5 };
    // Sampled with p = 1/4: it stands for 400 bytes, with (1 - p) / p^2 * 100^2.
    follower.add(encodeEvents([{ ...block, size: 100, weight: 400 }]));
    expect(follower.arena(0).live).toEqual({
      bytes: 400,
      exactBytes: 0,
      variance: 120_000,
      objects: 4,
      objectsVariance: 12,
    });
    const mapped = { ...block, type: EVENT_TYPE.commit, heap: HEAP.mmap, site: 4, size: 4096, weight: 4096 };
    follower.add(encodeEvents([mapped]));
    expect(follower.arena(1).peak).toEqual({ ...NO_SUM, bytes: 4096, exactBytes: 4096 });
  });

  test('after a gap in the events say what is there at least', () => {
    const follower = follow();
    const block = { type: EVENT_TYPE.alloc, heap: HEAP.malloc, site: 1, tag: 0, weight: 1009, size: 1009, timeNs: 5 };
    follower.add(encodeEvents([{ ...block, address: 16 }]));
    follower.lose();
    // The free of the first is lost; one is freed that nobody saw come.
    follower.add(
      encodeEvents([
        { ...block, address: 32 },
        { ...block, address: 48, type: EVENT_TYPE.free, timeNs: 6 },
      ]),
    );
    expect(follower.arena(0)).toMatchObject({ peak: { bytes: 1009 }, churn: { bytes: 0 }, allocated: { bytes: 2018 } });
  });

  test('ignore sites that no table has, and weights that no sampler writes', () => {
    const follower = follow();
    const block = { type: EVENT_TYPE.alloc, heap: HEAP.malloc, tag: 0, address: 16, size: 1009, timeNs: 5 };
    follower.add(encodeEvents([{ ...block, site: 4_000_000_000, weight: 1009 }]));
    for (const weight of [0, 7, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      follower.add(encodeEvents([{ ...block, site: 1, weight }]));
    }
    expect(follower.arena(0).allocated).toEqual(NO_SUM);
  });
});

test('the times of blocks are those of a map, whatever comes and goes', () => {
  const next = randomNumbers(11);
  const times = createBlockTimes();
  const truth = new Map<number, number>();
  for (let step = 0; step < 60_000; step++) {
    const address = 16 * (1 + next(step < 30_000 ? 5_000 : 300)) + (next(2) === 0 ? 0 : 0x7fff_0000_0000);
    if (next(100) < 55) {
      times.set(address, step);
      truth.set(address, step);
    } else {
      expect(times.take(address)).toBe(truth.get(address));
      truth.delete(address);
    }
  }
  for (const [address, step] of truth) expect(times.take(address)).toBe(step);
  for (const address of truth.keys()) expect(times.take(address)).toBeUndefined();
});
