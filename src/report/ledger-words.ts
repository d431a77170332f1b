import type { Ledger } from '../model/ledger.js';
import { formatBytes, formatCount, formatDuration } from '../model/units.js';

const MOMENTS = {
  now: 'now',
  peak: 'at the highest RSS that was read',
  end: 'at the end',
  time: 'the nearest reading',
} as const;

/** Of which moment a ledger is. */
export function momentText({ moment, sinceStartNs }: Ledger): string {
  const since =
    sinceStartNs === undefined ? '' : `, ${formatDuration(BigInt(Math.round(sinceStartNs)))} after the start`;
  return `${MOMENTS[moment]}${since}`;
}

/** What several processes have together: pages that they share count once. */
export function togetherText(ledgers: readonly Ledger[]): string {
  const bytes = ledgers.reduce((sum, ledger) => sum + ledger.pssBytes, 0);
  const apart = ledgers.some(({ moment }) => moment === 'time') ? '' : ', each at a moment of its own';
  return `All ${formatCount(ledgers.length)} processes together: ${formatBytes(bytes)}. Pages that several share count once (PSS)${apart}.`;
}
