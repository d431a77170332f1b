/** Decides when a snapshot is due, so that snapshots cost memprof and the disk a bounded share. */
export interface SnapshotClock {
  /**
   * True once per interval; the interval doubles after each 60 snapshots, so a week adds a few hundred, not ten
   * thousand.
   */
  isTimerDue(nowNs: bigint): boolean;
  isPeakAllowed(nowNs: bigint): boolean;
  /** How long the peak snapshot took; the next one waits twenty times that. */
  tookPeak(durationNs: bigint): void;
  isV8PeakAllowed(nowNs: bigint): boolean;
}

const SNAPSHOTS_PER_INTERVAL = 60;
const PEAK_GAP_NS = 1_000_000_000n;
/** A V8 profile costs the program's main thread about 16 ms. */
const V8_PEAK_GAP_NS = 5_000_000_000n;
const COST_FACTOR = 20n;

/** @param timerMs 0: no snapshots by time. */
export function createSnapshotClock(timerMs: number, startNs = process.hrtime.bigint()): SnapshotClock {
  let intervalNs = BigInt(timerMs) * 1_000_000n;
  let timerDueNs = startNs + intervalNs;
  let taken = 0;
  let peakDueNs = 0n;
  let peakStartedNs = 0n;
  let v8PeakDueNs = 0n;
  return {
    isTimerDue(nowNs) {
      if (intervalNs === 0n || nowNs < timerDueNs) return false;
      if (++taken % SNAPSHOTS_PER_INTERVAL === 0) intervalNs *= 2n;
      timerDueNs = nowNs + intervalNs;
      return true;
    },
    isPeakAllowed(nowNs) {
      if (nowNs < peakDueNs) return false;
      peakStartedNs = nowNs;
      peakDueNs = nowNs + PEAK_GAP_NS;
      return true;
    },
    tookPeak(durationNs) {
      const cooled = peakStartedNs + COST_FACTOR * durationNs;
      if (cooled > peakDueNs) peakDueNs = cooled;
    },
    isV8PeakAllowed(nowNs) {
      if (nowNs < v8PeakDueNs) return false;
      v8PeakDueNs = nowNs + V8_PEAK_GAP_NS;
      return true;
    },
  };
}
