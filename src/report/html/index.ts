import type { Profile } from '../../model/profile.js';
import { formatDuration } from '../../model/units.js';
import type { ReportOptions } from '../options.js';
import { factsOf } from './facts.js';
import { flameData } from './flame-data.js';
import { processData } from './over-time.js';
import type { PageData } from './page-data.js';
import { tablesOf } from './tables.js';
import { fillTemplate } from './template.js';

/**
 * One page that holds everything, to be opened from disk: charts over time, flame graph, ledger, tables. It asks no network, and says so
 * to the browser.
 * @throws MemprofError PAGE_NOT_BUILT if this memprof was not built whole.
 */
export function writeHtml(profile: Profile, options: ReportOptions): string {
  const data = pageData(profile, options);
  return fillTemplate(data.title, data);
}

/** Everything the page shows. */
export function pageData(profile: Profile, options: ReportOptions): PageData {
  const { summary } = options;
  const main = mainProcess(profile);
  const started = new Date(Number(profile.startedAtNs / 1_000_000n)).toISOString();
  return {
    title: `${main?.name ?? 'memory'}: memory profile`,
    subtitle: [
      main && `${main.name} [${main.pid}]`,
      main?.nodeVersion && `Node ${main.nodeVersion.replace(/^v/, '')}`,
      main?.allocator,
      profile.startedAtNs > 0n && `${started.slice(0, 19).replace('T', ' ')} UTC`,
      formatDuration(profile.durationNs),
    ]
      .filter((part) => part !== undefined && part !== false && part !== '')
      .join(' · '),
    durationSeconds: Number(profile.durationNs) / 1e9,
    at: momentOf(profile, options.at),
    facts: factsOf(profile, options),
    notices: summary.notices.map(
      ({ message, count, pid }) =>
        `${pid === undefined ? '' : `[${pid}] `}${message}${count !== undefined && count > 1 ? ` (${count} times)` : ''}`,
    ),
    processes: processData(profile, options),
    flame: flameData(profile),
    tables: tablesOf(profile, options),
    footer: [
      `memprof ${summary.memprofVersion}`,
      '= measured   ~ estimated, with its 95 % interval   ? not known',
      summary.recorded.never.length > 0 ? `never recorded: ${summary.recorded.never.join(', ')}` : '',
    ].filter((line) => line !== ''),
  };
}

/** Seconds after the start. */
function momentOf({ durationNs }: Profile, at: ReportOptions['at']): number | 'peak' {
  if (at === undefined || at === 'peak') return 'peak';
  const seconds = Number(durationNs) / 1e9;
  if (at === 'end') return seconds;
  return 'share' in at ? at.share * seconds : Number(at.afterStartNs) / 1e9;
}

/** The one with the highest peak: what the page shows first. */
function mainProcess({ processes }: Profile): Profile['processes'][number] | undefined {
  return [...processes].sort((a, b) => b.peakBytes - a.peakBytes)[0];
}
