import type { Gauge, Profile } from '../../model/profile.js';
import { formatBytes, formatCount, formatDuration } from '../../model/units.js';
import type { Estimate } from '../../schema/summary.js';
import { formatEstimate } from '../format.js';
import type { ReportOptions } from '../options.js';
import type { Fact } from './page-data.js';
import { clockOf } from './timeline.js';

/** What somebody on call looks for first. */
export function factsOf(profile: Profile, { summary }: ReportOptions): Fact[] {
  const secondsOf = clockOf(profile);
  const rss = highest(profile.gauges.filter(({ name }) => name === 'rss'));
  const facts: Fact[] = [];
  if (rss !== undefined) {
    const peak = rss.points.reduce((most, point) => (point.value > most.value ? point : most));
    facts.push({
      label: 'RSS, highest',
      value: formatBytes(peak.value),
      note: `at ${secondsOf(peak.timeNs).toFixed(1)} s`,
    });
    facts.push({ label: 'RSS, at the end', value: formatBytes(rss.points.at(-1)?.value ?? 0), note: '' });
  }
  const moment = summary.moment === 'peak' ? 'at the peak' : 'at the end';
  facts.push({
    label: `In use ${moment}`,
    ...estimateFact(summary.total.inuse_space, 'allocated and not freed, with call paths'),
  });
  const biggest = summary.pools.rows[0];
  if (biggest !== undefined) {
    const share = Math.round(biggest.share * 100);
    facts.push({
      label: 'Biggest pool',
      value: biggest.pool,
      note: `${formatEstimate(biggest.inuse_space, 'bytes')}, ${share} % of what is in use`,
    });
  }
  const collections = summary.gc;
  if (collections.length > 0) {
    const total = collections.reduce((sum, { totalNs }) => sum + totalNs, 0);
    const longest = collections.reduce((most, { maxNs }) => Math.max(most, maxNs), 0);
    const count = collections.reduce((sum, { pauses }) => sum + pauses, 0);
    facts.push({
      label: 'GC pauses',
      value: formatDuration(BigInt(Math.round(total))),
      note: `${formatCount(count)} pauses, the longest ${formatDuration(BigInt(Math.round(longest)))}`,
    });
  }
  const major = summary.faults.reduce((sum, fault) => sum + fault.major, 0);
  if (major > 0)
    facts.push({ label: 'Major page faults', value: formatCount(major), note: 'that had to wait for a disk' });
  return facts;
}

/** The figure big, its error bar small. */
function estimateFact(estimate: Estimate, note: string): Pick<Fact, 'value' | 'note'> {
  const text = formatEstimate(estimate, 'bytes');
  const [, value = text, error = ''] = /^(\S+ \S+ \S+)(?: (.*))?$/.exec(text) ?? [];
  return { value, note: error === '' ? note : `${error}; ${note}` };
}

function highest(gauges: readonly Gauge[]): Gauge | undefined {
  const peak = ({ points }: Gauge): number => points.reduce((most, { value }) => Math.max(most, value), 0);
  return gauges.filter(({ points }) => points.length > 0).sort((a, b) => peak(b) - peak(a))[0];
}
