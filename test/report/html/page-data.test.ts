import { describe, expect, it } from 'vitest';
import { summarize } from '../../../src/analyze/summary.ts';
import { pageData } from '../../../src/report/html/index.ts';
import { gridOf, interpolate, resample } from '../../../src/report/html/timeline.ts';
import { inferenceProfile, js, makeProfile, poolProfile } from '../../helpers/profiles.ts';
import { hostileProfile, lively, livelyLedgers } from './profiles.ts';

const dataOf = (profile: ReturnType<typeof inferenceProfile>) =>
  pageData(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }) });

describe('the flame graph of the page', () => {
  it('loses no byte of any sample', () => {
    const { samples } = dataOf(inferenceProfile()).flame;
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const mib = 1_048_576;
    expect(sum(samples.inuseBytes)).toBe((64 + 23 + 2 + 31 + 50 + 3) * mib + 1);
    expect(sum(samples.allocatedBytes)).toBe((64 + 23 + 2) * 3 * mib + (50 + 3) * mib + 1);
  });

  it('spells out a call path that many samples share once', () => {
    const { flame } = dataOf(poolProfile());
    // Four arenas of one path of four frames; three, two and three more below the same root.
    expect(flame.parents).toHaveLength(4 + 2 + 2 + 2);
    expect(flame.samples.nodes).toHaveLength(7);
    const names = flame.frames.map(([name]) => flame.texts[name]);
    expect(names).toEqual([...new Set(names)]);
  });

  it('leaves out what holds nothing and went through nothing', () => {
    const stack = [js('idle', '/a.js', 1)];
    expect(dataOf(makeProfile([{ stack, values: [0, 0, 0, 0] }])).flame.samples.nodes).toEqual([]);
  });
});

describe('the line of time', () => {
  const points = [0, 1, 2, 3, 4, 5].map((at) => ({ timeNs: BigInt(at), value: [10, 70, 20, 20, 90, 30][at] ?? 0 }));

  it('keeps the peaks between the points of a coarser grid', () => {
    expect(resample(points, Number, [-1, 0, 2.5, 5, 9])).toEqual([null, 10, 70, 90, 30]);
  });

  it('is thinned out, with the first and the last point and the readings of the ledger in it', () => {
    const times = Array.from({ length: 10_007 }, (_, at) => at);
    const grid = gridOf([times], [17.5]);
    expect(grid.length).toBeLessThan(1_600);
    expect([grid[0], grid.at(-1)]).toEqual([0, 10_006]);
    expect(grid).toContain(17.5);
  });

  it('draws straight lines between readings and nothing outside', () => {
    expect(interpolate([2, 4], [100, 200], [1, 2, 3, 4, 5])).toEqual([null, 100, 150, 200, null]);
  });
});

it('stacks pools and arenas by their highest point, pauses in columns, lives in seconds', () => {
  const [process] = dataOf(lively()).processes;
  const pools = process?.stacks.find(({ name }) => name === 'pool');
  expect(pools?.bands.map(({ name }) => name)).toEqual(['kv-cache', 'scratch']);
  expect(pools?.bands[0]?.values).toEqual([5_000_011, 9_000_011, 7_000_003]);
  expect(process?.pauses).toMatchObject({ seconds: [1, 1.5], milliseconds: [12.5, 0.25], causes: ['forced', ''] });
  expect(process?.marks).toEqual([{ seconds: 0.5, kind: 'stage', name: 'decode' }]);
  expect(
    dataOf(lively())
      .tables.find(({ title }) => title === 'Garbage collection')
      ?.rows[0]?.map(({ text }) => text),
  ).toEqual(['mark-compact', 'main', '1', '12.5 ms', '12.5 ms', '12.5 ms', '12.5 ms', 'forced (1)']);
});

it('shows how fast counters went up, and none that stood still', () => {
  const points = (values: readonly number[]) =>
    values.map((value, at) => ({ timeNs: 1_760_000_000_000_000_000n + BigInt(at * 1e9), value }));
  const counter = (name: string, unit: 'count' | 'nanoseconds', values: readonly number[]) => ({
    name,
    unit,
    pid: 4711,
    points: points(values),
  });
  const gauges = [
    counter('minor_faults', 'count', [1_000, 1_000, 3_000]),
    counter('major_faults', 'count', [7, 7, 7]),
    counter('psi_some', 'nanoseconds', [0, 250_000_000, 250_000_000]),
    counter('cgroup_psi_some', 'nanoseconds', [0, 0, 900_000]),
  ];
  const [process] = dataOf(makeProfile([], { gauges })).processes;
  const [faults, wait] = process?.rates ?? [];
  expect(process?.rates.map(({ name }) => name)).toEqual(['minor_faults', 'psi_some']);
  expect([faults?.values.at(0), faults?.values.at(-1)]).toEqual([0, 2_000]);
  expect([wait?.values.at(0), wait?.values.at(-1)]).toEqual([0.25, 0]);
});

it('stacks the lines of the ledger, and names what is too thin to be seen together', () => {
  const profile = lively();
  const options = { summary: summarize(profile, { memprofVersion: '0.0.0' }), ledgers: livelyLedgers() };
  const [process] = pageData(profile, options).processes;
  const stack = process?.stacks.find(({ name }) => name === 'ledger');
  expect(stack?.bands.map(({ title, values }) => [title, values])).toEqual([
    ['malloc heaps', [10_000_019, 50_000_017, 40_000_003]],
    ['binaries and libraries, clean pages', [40_000_003, 40_000_003, 40_000_003]],
    ['residual', [10_007, 10_007, 10_007]],
  ]);
  const sums = stack?.bands[0]?.values.map((_, at) =>
    stack.bands.reduce((sum, { values }) => sum + (values[at] ?? 0), 0),
  );
  expect(sums).toEqual(process?.ledgers.map(({ rssBytes }) => rssBytes));
  const [first] = process?.ledgers ?? [];
  const sum = first?.lines.reduce((all, [, bytes]) => all + bytes, 0);
  expect(sum).toBe(first?.rssBytes);
});

it('adds up to RSS between readings, too', () => {
  const profile = lively();
  const [first, , last] = livelyLedgers();
  const ledgers = first && last ? [first, last] : [];
  const [process] = pageData(profile, { summary: summarize(profile, { memprofVersion: '0.0.0' }), ledgers }).processes;
  const bands = process?.stacks.find(({ name }) => name === 'ledger')?.bands ?? [];
  const between = bands.reduce((sum, { values }) => sum + (values[1] ?? 0), 0);
  // What the gauge says there; each band is rounded.
  expect(Math.abs(between - 90_000_049)).toBeLessThanOrEqual(bands.length);
});

it('is the same for names that would be markup', () => {
  expect(JSON.stringify(dataOf(hostileProfile()))).toContain('</script>');
});
