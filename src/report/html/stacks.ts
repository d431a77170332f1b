import type { Gauge } from '../../model/profile.js';
import type { Curve, LineKind, PageLedger, Stack } from './page-data.js';
import { interpolate, resample, type SecondsOf } from './timeline.js';

/** Areas that an eye can tell apart; the rest becomes one. */
const MAX_BANDS = 14;
/** Of the highest point: thinner ones nobody sees. */
const LEAST_SHARE = 0.004;

/**
 * The lines of the ledger over time. Between two readings their shares change evenly, and their sum is RSS. A residual below zero cannot
 * be stacked.
 * @param rss on the grid.
 */
export function ledgerStack(
  lineKinds: readonly LineKind[],
  readings: readonly PageLedger[],
  seconds: readonly number[],
  rss: readonly (number | null)[],
): Stack | undefined {
  if (readings.length < 2) return undefined;
  const times = readings.map((reading) => reading.seconds);
  // How sure a line is may change from one reading to the next.
  const bytes = readings.map(({ lines }) => new Map(lines.map(([kind, value]) => [lineKinds[kind]?.name, value])));
  const used = new Map(
    readings.flatMap(({ lines }) => lines.map(([kind]) => [lineKinds[kind]?.name, lineKinds[kind]])),
  );
  const curves = [...used.values()].flatMap((kind): Curve[] => {
    if (kind === undefined) return [];
    const { name, title } = kind;
    const values = bytes.map((reading) => Math.max(0, reading.get(name) ?? 0));
    return [{ name, title, values: interpolate(times, values, seconds) }];
  });
  const sums = seconds.map((_, at) => curves.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const scaled = curves.map((curve) => ({
    ...curve,
    values: curve.values.map((value, at) => {
      const whole = rss[at] ?? null;
      const sum = sums[at] ?? 0;
      return value === null || whole === null || sum === 0 ? value : Math.round((value * whole) / sum);
    }),
  }));
  const note = `${readings.length} readings; between them the areas are drawn so that they add up to RSS`;
  return { name: 'ledger', title: 'by ledger line', note, bands: biggest(scaled, 'smaller lines') };
}

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
function biggest(curves: readonly Curve[], restTitle: string): Curve[] {
  const highest = ({ values }: Pick<Curve, 'values'>): number =>
    values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const ordered = curves
    .map((curve) => ({ curve, bytes: highest(curve) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ curve }) => curve);
  const top = highest(ordered[0] ?? { values: [] });
  const seen = ordered.filter((curve) => highest(curve) >= LEAST_SHARE * top).length;
  const count = Math.min(seen, MAX_BANDS);
  // One alone keeps its name.
  if (ordered.length - count <= 1) return ordered;
  const small = ordered.slice(count);
  const values = (small[0]?.values ?? []).map((value, at) =>
    value === null ? null : small.reduce((sum, curve) => sum + (curve.values[at] ?? 0), 0),
  );
  return [...ordered.slice(0, count), { name: 'rest', title: `${small.length} ${restTitle}`, values }];
}
