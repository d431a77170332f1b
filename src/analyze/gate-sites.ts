import type { Comparison, GateReport, SiteUse } from '../model/gate.js';
import { siteKey } from './gate-series.js';

const MAX_SITES = 10;
/** A site that has less than this part of the largest growth explains nothing. */
const LEAST_SHARE = 0.02;

/**
 * The sites that grew between two means, the most first: by what is in use if that grew, else by what was
 * allocated (a peak that is over leaves nothing else).
 */
export function sitesThatGrew(
  base: readonly SiteUse[],
  now: readonly SiteUse[],
  grown: readonly Comparison[],
): GateReport['sites'] {
  const isLive = grown.some(({ quantity }) => quantity === 'live' || quantity === 'late');
  const column = isLive ? 'liveBytes' : 'allocatedBytes';
  // With an arena to blame, what moves elsewhere is noise.
  const arenas = new Set(grown.filter(({ scope }) => scope === 'arena').map(({ name }) => name));
  const before = new Map(base.map((site) => [siteKey(site), site[column]]));
  const growth = now
    .map(({ site, arena, ...bytes }) => ({
      site,
      arena,
      growthBytes: bytes[column] - (before.get(siteKey({ site, arena })) ?? 0),
    }))
    .filter(({ arena, growthBytes }) => growthBytes > 0 && (arenas.size === 0 || arenas.has(arena)))
    .sort((a, b) => b.growthBytes - a.growthBytes);
  const least = LEAST_SHARE * (growth[0]?.growthBytes ?? 0);
  return growth.filter(({ growthBytes }) => growthBytes >= least).slice(0, MAX_SITES);
}
