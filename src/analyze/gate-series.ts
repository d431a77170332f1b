import type { Baseline, GateEnvironment, GateRun, MeasureKey, Series, SiteUse } from '../model/gate.js';

/** The same text for the same measure. */
export const measureKey = ({ scope, name, quantity }: MeasureKey): string => `${scope}\0${name}\0${quantity}`;

/** The values of each measure over runs, in the order of the runs; a measure that a run does not have was 0 there. */
export function seriesOf(runs: readonly GateRun[]): Map<string, Series> {
  const byKey = new Map<string, { readonly key: MeasureKey; readonly values: number[]; variance: number }>();
  for (const [index, { measures }] of runs.entries()) {
    for (const { scope, name, quantity, value, variance } of measures) {
      const key = { scope, name, quantity };
      const text = measureKey(key);
      const series = byKey.get(text) ?? { key, values: runs.map(() => 0), variance: 0 };
      series.values[index] = (series.values[index] ?? 0) + value;
      series.variance += variance / runs.length;
      byKey.set(text, series);
    }
  }
  return new Map([...byKey].map(([text, { key, values, variance }]) => [text, { ...key, values, variance }]));
}

/** Runs as a baseline. What is never larger than `leastBytes` is left out: no growth of it could be told from nothing. */
export function baselineOf(
  runs: readonly GateRun[],
  command: readonly string[],
  environment: GateEnvironment,
  leastBytes: number,
): Baseline {
  const series = [...seriesOf(runs).values()].filter(({ values }) => Math.max(...values) > leastBytes);
  return { command, environment, runs: runs.length, series, sites: meanSites(runs) };
}

/** Means over the runs, the biggest first. */
export function meanSites(runs: readonly GateRun[]): SiteUse[] {
  const sums = new Map<string, SiteUse>();
  for (const { sites } of runs) {
    for (const { site, arena, liveBytes, allocatedBytes } of sites) {
      const key = siteKey({ site, arena });
      const before = sums.get(key);
      sums.set(key, {
        site,
        arena,
        liveBytes: (before?.liveBytes ?? 0) + liveBytes / runs.length,
        allocatedBytes: (before?.allocatedBytes ?? 0) + allocatedBytes / runs.length,
      });
    }
  }
  return [...sums.values()].sort((a, b) => b.liveBytes - a.liveBytes || b.allocatedBytes - a.allocatedBytes);
}

export const siteKey = ({ site, arena }: Pick<SiteUse, 'site' | 'arena'>): string => `${site}\0${arena}`;
