/** Decides when resident and live bytes are looked at next: often while they move, never for more than a fixed share of a processor. */
export interface GaugeClock {
  /** How long to wait now. */
  delayMs(): number;
  /**
   * @param cpuNs processor time that the look took.
   * @param movedBytes how far the resident or live bytes of a process have moved since the look before, at most.
   */
  looked(cpuNs: number, movedBytes: number): void;
}

const BUSY_MS = 10;
const QUIET_MS = 50;
/** A larger move calls for a closer look. */
const MOVE_BYTES = 1 << 20;
/** Of memprof's own processor time: 0.5 %. */
const COST_FACTOR = 200;
/** Waking up for a look costs a little more than the look itself (measured: 260 us in all for 120 us of looking), and grows with it on a slow machine. */
const WITH_WAKING = 2.25;
const FIRST_COST_NS = 50_000;
/** After so many looks (an hour of quiet) both gaps double, and so on: a week leaves some ten MiB. */
const LOOKS = 72_000;

export function createGaugeClock(): GaugeClock {
  let looks = 0;
  let stretch = 1;
  let gapMs = BUSY_MS;
  let costNs = FIRST_COST_NS;
  return {
    delayMs: () => Math.max(gapMs * stretch, Math.ceil((COST_FACTOR * costNs) / 1e6)),
    looked(cpuNs, movedBytes) {
      if (++looks % LOOKS === 0) stretch *= 2;
      gapMs = movedBytes >= MOVE_BYTES ? BUSY_MS : Math.min(QUIET_MS, gapMs * 2);
      // One look may be interrupted by a collection of our own.
      costNs += (WITH_WAKING * cpuNs - costNs) / 8;
    },
  };
}
