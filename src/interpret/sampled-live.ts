import type { LedgerInputs } from '../model/ledger.js';
import { HEAP } from '../recording/wire.js';
import type { GaugePoint } from './process-recording.js';
import type { SnapshotContent } from './snapshot.js';

type SampledLive = NonNullable<LedgerInputs['sampledLive']>;

/** What malloc has handed out and not got back, by the samples of a snapshot. */
export function sampledLiveOf({ sites, inUse }: SnapshotContent): SampledLive {
  let bytes = 0;
  let variance = 0;
  for (const [site, use] of inUse) {
    if (sites[site]?.heap !== HEAP.malloc) continue;
    bytes += use.bytes;
    variance += use.bytesVariance;
  }
  return { bytes, deviationBytes: Math.sqrt(variance) };
}

/**
 * The same at another moment: the sampler's sum was looked at every 10 to 50 ms, snapshots are seconds apart. The variance grows with the
 * bytes, for they are taken to be of blocks as large as before.
 */
export function sampledLiveAt(
  live: SampledLive,
  snapshotNs: bigint,
  timeNs: bigint,
  gauges: readonly GaugePoint[],
): SampledLive {
  const then = nearest(gauges, snapshotNs);
  const now = nearest(gauges, timeNs);
  if (then === undefined || now === undefined) return live;
  const bytes = Math.max(0, live.bytes + now.liveBytes - then.liveBytes);
  const growth = live.bytes > 0 ? bytes / live.bytes : 1;
  return { bytes, deviationBytes: live.deviationBytes * Math.sqrt(Math.max(1, growth)) };
}

function nearest(gauges: readonly GaugePoint[], timeNs: bigint): GaugePoint | undefined {
  let best: GaugePoint | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (const gauge of gauges) {
    const away = Math.abs(Number(gauge.timeNs - timeNs));
    if (away <= distance) {
      best = gauge;
      distance = away;
    }
  }
  return best;
}
