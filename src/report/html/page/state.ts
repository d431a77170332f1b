import type { PageData, PageLedger, PageProcess } from '../page-data.js';

/** What was chosen on the page, and who wants to hear of it. */
export interface State {
  readonly data: PageData;
  process: PageProcess | undefined;
  /** The moment that was clicked. */
  seconds: number | undefined;
  readonly changed: (() => void)[];
}

export function createState(data: PageData): State {
  const [process] = data.processes;
  const state: State = { data, process, seconds: undefined, changed: [] };
  state.seconds = data.at === 'peak' ? peakOf(process)?.seconds : data.at;
  return state;
}

export function choose(state: State, change: Partial<Pick<State, 'process' | 'seconds'>>): void {
  Object.assign(state, change);
  // A copy: a chart that is drawn anew takes its listener out.
  for (const listener of [...state.changed]) listener();
}

/** The reading with the most memory. */
export function peakOf(process: PageProcess | undefined): PageLedger | undefined {
  return process?.ledgers.reduce<PageLedger | undefined>(
    (most, reading) => (most === undefined || reading.rssBytes > most.rssBytes ? reading : most),
    undefined,
  );
}

/** The reading nearest to the chosen moment. */
export function readingAt({ process, seconds }: State): PageLedger | undefined {
  if (seconds === undefined) return undefined;
  return process?.ledgers.reduce<PageLedger | undefined>(
    (nearest, reading) =>
      nearest === undefined || Math.abs(reading.seconds - seconds) < Math.abs(nearest.seconds - seconds)
        ? reading
        : nearest,
    undefined,
  );
}
