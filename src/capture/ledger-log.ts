import { CHUNK } from '../recording/chunks.js';
import type { LedgerReading } from '../recording/ledger.js';
import { readLedger } from './ledger-reading.js';
import { recordedPaths } from './mapped-files.js';
import type { RecordingFile } from './recording-writer.js';
import { createSeriesLog } from './series-log.js';

/** Takes ledger readings of one process, and decides when, so that they cost it and memprof a bounded share. */
export interface LedgerLog {
  /** A reading if RSS has a new high, or the last reading is old. */
  poll(out: RecordingFile, nowNs: bigint, rssBytes: number): void;
  /** The program announced its end at that time, when RSS was last seen to be so much: one more, whatever it costs. Once. */
  takeLast(out: RecordingFile, frozenAtNs: bigint, lastRssBytes: number): void;
}

const GROWTH = 1.05;
const GROWTH_FLOOR_BYTES = 1 << 20;
/** A process that lives shorter is not read before its end. */
const FIRST_AFTER_NS = 200_000_000n;
/** Of the recording: a process of tens of thousands of mappings has megabytes a reading. */
const SPACE = { freeBytes: 16 << 20, bytesPerSecond: 16 << 10 };
/** Processor time of memprof's that readings may take: at first, and of the time that passes. */
const FREE_COST_NS = 200_000_000;
const COST_SHARE = 0.01;
/** A high that is so far above the last one is worth a loan, which is paid back before the next reading by time. */
const FAR_GROWTH = 1.25;
const LOAN_NS = 400_000_000;
const LEAST_GAP_NS = 500_000_000n;
/** A reading is of one moment where RSS stands still; so long one waits for that. */
const MOVING_SHARE = 0.005;
const MAX_WAIT_NS = 300_000_000n;
/** Without a new high there is one after this time; it doubles after each 60. */
const TIMER_NS = 5_000_000_000n;
const TIMER_ROUNDS = 60;
/** Resident bytes of malloc's heaps that are walked chunk by chunk in passing, about 100 ms. */
const WALK_BYTES = 256 << 20;

export function createLedgerLog(pid: number, { freeBytes, bytesPerSecond } = SPACE): LedgerLog {
  const hugePages = createSeriesLog([{ name: 'huge_pages', unit: 'bytes' }]);
  let highBytes = 0;
  let lastBytes = 0;
  let beganNs = 0n;
  let wantedNs: bigint | undefined;
  let dueNs = 0n;
  /** Processor time so far; the walks through malloc's heaps have an account of their own. */
  let mapCostNs = 0;
  let walkCostNs = 0;
  let writtenBytes = 0;
  let timerNs = TIMER_NS;
  let timerDueNs = 0n;
  let timed = 0;
  let isOver = false;
  let earlier: LedgerReading['regions'] = [];

  function take(
    out: RecordingFile,
    reason: LedgerReading['reason'],
    walkBytes: number,
    isUseful = (_: LedgerReading) => true,
  ): void {
    const began = process.cpuUsage();
    try {
      const reading = readLedger(pid, { reason, walkBytes, earlier });
      earlier = reading.regions;
      if (isUseful(reading)) {
        const json = Buffer.from(JSON.stringify({ ...reading, paths: recordedPaths(reading) }));
        writtenBytes += json.length;
        out.append(CHUNK.ledger, [json]);
        addHugePages(out, reading);
      }
      const { user, system } = process.cpuUsage(began);
      const allNs = 1000 * (user + system);
      const walkNs = reading.heaps === undefined ? 0 : (allNs * reading.mallocNs) / Math.max(1, reading.durationNs);
      mapCostNs += allNs - walkNs;
      walkCostNs += walkNs;
    } catch {
      // It ended meanwhile, or may not be read: the reading before this one counts, and the ledger says how old it is.
    }
  }

  /** The kernel counts them by mapping only: there is a point where there is a reading that tells. */
  function addHugePages(out: RecordingFile, { timeNs, regions, unseen }: LedgerReading): void {
    if (unseen.includes('flags')) return;
    hugePages.add(BigInt(timeNs), [regions.reduce((sum, region) => sum + region[7], 0)]);
    hugePages.flush(out, BigInt(timeNs), true);
  }

  const mayCost = (costNs: number, nowNs: bigint, loanNs = 0): boolean =>
    costNs < FREE_COST_NS + loanNs + COST_SHARE * Number(nowNs - beganNs);

  const mayWrite = (nowNs: bigint): boolean =>
    writtenBytes < freeBytes + (bytesPerSecond * Number(nowNs - beganNs)) / 1e9;

  return {
    poll(out, nowNs, rssBytes) {
      if (isOver) return;
      if (beganNs === 0n) {
        beganNs = nowNs;
        dueNs = nowNs + FIRST_AFTER_NS;
        timerDueNs = nowNs + timerNs;
      }
      const isMoving = Math.abs(rssBytes - lastBytes) > MOVING_SHARE * rssBytes;
      lastBytes = rssBytes;
      if (nowNs < dueNs || !mayCost(mapCostNs, nowNs, rssBytes > FAR_GROWTH * highBytes ? LOAN_NS : 0)) return;
      if (!mayWrite(nowNs)) return;
      const isHigh = rssBytes > Math.max(highBytes * GROWTH, highBytes + GROWTH_FLOOR_BYTES);
      if (!isHigh && nowNs < timerDueNs) return;
      wantedNs ??= nowNs;
      if (isMoving && nowNs < wantedNs + MAX_WAIT_NS) return;
      wantedNs = undefined;
      take(out, isHigh ? 'peak' : 'timer', mayCost(walkCostNs, nowNs) ? WALK_BYTES : 0);
      dueNs = nowNs + LEAST_GAP_NS;
      if (rssBytes > highBytes) highBytes = rssBytes;
      if (!isHigh && ++timed % TIMER_ROUNDS === 0) timerNs *= 2n;
      timerDueNs = nowNs + timerNs;
    },
    takeLast(out, frozenAtNs, lastRssBytes) {
      if (isOver) return;
      isOver = true;
      take(out, 'end', WALK_BYTES, (reading) => isOfTheEnd(reading, frozenAtNs, lastRssBytes));
    },
  };
}

/** So long the process waits for its last reading (src/agent/store.cts). */
const END_WAIT_NS = 20_000_000;
/** Below this share of what it had, a process is taking itself apart. */
const TEARDOWN_SHARE = 0.98;

/**
 * Where memprof came too late, and much is gone already, the reading before is nearer to the truth. What counts is what the map has: with 900 MiB it
 * takes long enough for the process to give back some of them after statm was read.
 */
export function isOfTheEnd(
  reading: Pick<LedgerReading, 'timeNs' | 'durationNs' | 'mallocNs' | 'regions'>,
  frozenAtNs: bigint,
  lastRssBytes: number,
): boolean {
  const mapReadNs = Number(BigInt(reading.timeNs) - frozenAtNs) + reading.durationNs - reading.mallocNs;
  const readBytes = reading.regions.reduce((sum, region) => sum + region[4], 0);
  return mapReadNs <= END_WAIT_NS || readBytes >= TEARDOWN_SHARE * lastRssBytes;
}
