import { makeLedger } from '../analyze/ledger.js';
import { MemprofError } from '../errors.js';
import type { TimedLedger } from '../report/options.js';
import { isDirectory } from './profile-source.js';
import { loadRecogniser } from './rules-source.js';

/** A page has room for more than a terminal. */
export const PAGE_SITES = 50;
/** Of one process. Beyond, the page would be slow, and nobody could click on them apart. */
const MAX_LEDGERS = 200;

/** The ledger readings of a recording; none where it has none, or where the source is a pprof file. */
export async function ledgersForPage(source: string, config?: string): Promise<TimedLedger[]> {
  if (!isDirectory(source)) return [];
  const { ledgersOf } = await import('../interpret/ledger-recording.js');
  try {
    const processes = await ledgersOf(source, await loadRecogniser(config));
    return processes.flatMap(({ readings }) =>
      thinned(readings).map((inputs) => ({ timeNs: inputs.timeNs, ledger: makeLedger(inputs) })),
    );
  } catch (error) {
    // The page says that nobody read a ledger, and shows the rest.
    if (error instanceof MemprofError && error.code === 'NO_READINGS') return [];
    throw error;
  }
}

/** Evenly, with the first, the last and that of the highest RSS. */
function thinned<T extends { readonly rssBytes: number }>(readings: readonly T[]): readonly T[] {
  if (readings.length <= MAX_LEDGERS) return readings;
  const step = (readings.length - 1) / (MAX_LEDGERS - 2);
  const kept = new Set(Array.from({ length: MAX_LEDGERS - 1 }, (_, at) => readings[Math.round(at * step)]));
  kept.add(readings.reduce((most, reading) => (reading.rssBytes > most.rssBytes ? reading : most)));
  return readings.filter((reading) => kept.has(reading));
}
