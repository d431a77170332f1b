import { createGaugeClock } from './gauge-clock.js';

/** Whose memory is looked at: a point more of its gauges. Returns how far its bytes have moved since the point before. */
interface Watched {
  look(nowNs: bigint): number;
}

/** Looks at all processes again and again, at the times of a gauge clock, until it is stopped. */
export function startGaugeWatch(
  processes: () => Iterable<Watched>,
  guarded: (work: () => void) => void,
): { stop(): void } {
  const clock = createGaugeClock();

  function next(): void {
    const began = process.cpuUsage();
    const nowNs = process.hrtime.bigint();
    let movedBytes = 0;
    for (const one of processes()) {
      guarded(() => {
        movedBytes = Math.max(movedBytes, one.look(nowNs));
      });
    }
    const { user, system } = process.cpuUsage(began);
    clock.looked(1000 * (user + system), movedBytes);
    timer = setTimeout(next, clock.delayMs());
  }
  let timer = setTimeout(next, clock.delayMs());
  return { stop: () => clearTimeout(timer) };
}
