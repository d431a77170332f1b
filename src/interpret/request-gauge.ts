import type { Gauge } from '../model/profile.js';
import type { ProcessRecording } from './process-recording.js';
import { decimate } from './series.js';

const MAX_POINTS = 2_000;

/** Requests that the threads of a process have answered, added up, since it started; none where none was counted. */
export function requestGauges({ requests, identity }: ProcessRecording): Gauge[] {
  if (requests.length === 0) return [];
  const latest = new Map<number, number>();
  let sum = 0;
  const sums = requests.map(({ threadId, count }) => {
    sum += count - (latest.get(threadId) ?? 0);
    latest.set(threadId, count);
    return sum;
  });
  const points = decimate(sums, MAX_POINTS).map((at) => ({
    timeNs: BigInt(requests[at]?.timeUnixNs ?? 0),
    value: sums[at] ?? 0,
  }));
  return [{ name: 'requests', unit: 'count', pid: identity.pid, points }];
}
