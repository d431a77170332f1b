import { EVENT } from '../recording/wire.js';
import { readHeader, readRecords, type StoreHeader, type StoreRegion } from './store-reader.js';

/** A run of events without a gap. */
export interface EventBatch {
  /** Number of the first event. */
  readonly first: number;
  /** Events between the batch before and this one that nobody will ever see. */
  readonly lostBefore: number;
  readonly records: Buffer;
}

/** Copies what a store's ring gained since the last call. */
export interface RingReader {
  /** @param isOver the writer is dead: events that are not written yet never will be. */
  read(header: StoreHeader, isOver: boolean): EventBatch[];
  /** Takes a batch back as lost, e.g. since the disk was full. */
  lose(batch: EventBatch): void;
  /** An empty batch that tells of losses since the last one, so that a recording knows them even if no event follows. */
  takeLoss(): EventBatch | undefined;
  lostEvents(): number;
}

/** Events in one chunk at most: 1 MiB. */
const BATCH_EVENTS = 16_384;

/**
 * The ring overwrites its oldest events and does not wait for readers. An event's ticket, stored last, tells whether a
 * slot holds the awaited event (number + 1), not yet (smaller), or no longer (larger).
 */
export function createRingReader(fd: number): RingReader {
  let next = 0;
  let lost = 0;
  let lostBefore = 0;

  function skipTo(event: number): void {
    lost += event - next;
    lostBefore += event - next;
    next = event;
  }

  function read(header: StoreHeader, isOver: boolean): EventBatch[] {
    const ring = header.regions.ring;
    const batches: EventBatch[] = [];
    if (ring.capacity === 0) return batches;
    const end = ring.used;
    if (end - next > ring.capacity) skipTo(end - ring.capacity);
    while (next < end) {
      const first = next;
      const slot = first % ring.capacity;
      const count = Math.min(end - first, ring.capacity - slot, BATCH_EVENTS);
      const slots = readRecords(fd, ring, slot, count);
      // A store that was scribbled over may have nothing but gaps: each is passed in the piece at hand.
      while (next < first + count) {
        const at = next - first;
        const good = countAwaited(slots, at, next);
        if (good > 0) {
          batches.push({
            first: next,
            lostBefore,
            records: slots.subarray(at * EVENT.bytes, (at + good) * EVENT.bytes),
          });
          lostBefore = 0;
          next += good;
        } else if (!passGap(ring, slots, at, isOver)) return batches;
      }
    }
    return batches;
  }

  /** Deals with a slot that is not the awaited event. False: it is still being written, come again later. */
  function passGap(ring: StoreRegion, slots: Buffer, at: number, isOver: boolean): boolean {
    const ticket = (at + 1) * EVENT.bytes <= slots.length ? Number(slots.readBigUInt64LE(at * EVENT.bytes)) : 0;
    if (ticket > next + 1) {
      // Overwritten while we read. The writers are a whole ring ahead: so is everything up to where they are now.
      const used = readHeader(fd)?.regions.ring.used ?? next + 1;
      skipTo(Math.max(next + 1, used - ring.capacity));
      return true;
    }
    if (!isOver && ring.used - next < ring.capacity / 2) return false;
    skipTo(next + 1); // its writer died, or sleeps so long that waiting would lose more
    return true;
  }

  return {
    read,
    lose(batch) {
      const events = batch.records.length / EVENT.bytes;
      lost += events;
      lostBefore += events + batch.lostBefore;
    },
    takeLoss() {
      if (lostBefore === 0) return undefined;
      const batch = { first: next, lostBefore, records: Buffer.alloc(0) };
      lostBefore = 0;
      return batch;
    },
    lostEvents: () => lost,
  };
}

/** How many slots from `at` on hold the events from `first` on. */
function countAwaited(slots: Buffer, at: number, first: number): number {
  let count = 0;
  while ((at + count + 1) * EVENT.bytes <= slots.length) {
    if (slots.readBigUInt64LE((at + count) * EVENT.bytes) !== BigInt(first + count + 1)) break;
    count++;
  }
  return count;
}
