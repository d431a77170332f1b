import type { AllocatorStatement } from '../model/ledger.js';
import { toUnixNs } from './clock.js';
import type { ProcessRecording } from './process-recording.js';

/** What the allocator said of itself nearest to a moment (CLOCK_MONOTONIC); undefined where it was not asked. */
export function allocatorStatementAt(recording: ProcessRecording, timeNs: bigint): AllocatorStatement | undefined {
  const unixNs = toUnixNs(recording, timeNs);
  let best: AllocatorStatement | undefined;
  for (const line of recording.agentLines) {
    if (line.type !== 'allocator') continue;
    const ns = BigInt(line.timeUnixNs);
    const ageNs = ns > unixNs ? ns - unixNs : unixNs - ns;
    if (best !== undefined && ageNs > best.ageNs) continue;
    const [name = '', ...words] = line.figures.split(' ');
    const bytes = new Map<string, number>();
    for (let i = 0; i + 1 < words.length; i += 2) {
      const value = Number(words[i + 1]);
      if (Number.isSafeInteger(value) && value >= 0) bytes.set(words[i] ?? '', value);
    }
    best = { name, ageNs, bytes };
  }
  return best;
}
