import type { Gauge } from '../../model/profile.js';
import type { Curve, Stack } from './page-data.js';
import { resample, type SecondsOf } from './timeline.js';

/** Areas that an eye can tell apart; the rest becomes one. */
const MAX_BANDS = 14;

/** Live bytes over time by pool and by arena, where there are such gauges. */
export function liveStacks(gauges: readonly Gauge[], secondsOf: SecondsOf, seconds: readonly number[]): Stack[] {
  const live = gauges.filter(({ name }) => name === 'live');
  const curve = (gauge: Gauge, name: string): Curve => ({
    name,
    title: name,
    values: resample(gauge.points, secondsOf, seconds),
  });
  const note = 'native memory that the program holds, followed allocation by allocation or estimated from samples';
  const pools = live.filter(({ arena }) => arena === undefined).map((gauge) => curve(gauge, gauge.pool || '(no pool)'));
  const arenas = live.flatMap((gauge) => (gauge.arena === undefined ? [] : curve(gauge, gauge.arena)));
  const stacks: Stack[] = [
    { name: 'pool', title: 'by pool', note, bands: biggest(pools, 'other pools') },
    { name: 'arena', title: 'by arena', note, bands: biggest(arenas, 'other arenas') },
  ];
  return stacks.filter(({ bands }) => bands.length > 0);
}

/** The biggest first, by their highest point. */
export function biggest(curves: readonly Curve[], restTitle: string): Curve[] {
  const highest = ({ values }: Curve): number => values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const ordered = curves
    .map((curve) => ({ curve, bytes: highest(curve) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ curve }) => curve);
  if (ordered.length <= MAX_BANDS) return ordered;
  const small = ordered.slice(MAX_BANDS - 1);
  const values = (small[0]?.values ?? []).map((_, at) =>
    small.reduce((sum, curve) => sum + (curve.values[at] ?? 0), 0),
  );
  return [...ordered.slice(0, MAX_BANDS - 1), { name: 'rest', title: `${small.length} ${restTitle}`, values }];
}
