import { expect, test } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import type { Gauge } from '../../src/model/profile.ts';
import { FORMATS } from '../../src/report/index.ts';
import { makeProfile, testProcess } from '../helpers/profiles.ts';

const MIB = 1_048_576;

function gauge(name: string, unit: Gauge['unit'], ...values: number[]): Gauge {
  const points = values.map((value, i) => ({ timeNs: 1_760_000_000_000_000_000n + BigInt(i), value }));
  return { name, unit, pid: 4711, points };
}

async function linesOf(...gauges: Gauge[]): Promise<string[]> {
  // A process that became another program is there twice.
  const profile = makeProfile([], { processes: [testProcess(), testProcess()], gauges });
  const summary = summarize(profile, { memprofVersion: '0' });
  const text = String(await FORMATS.text(profile, { summary }));
  return text.split('\n').filter((line) => /disk|control group|waited/.test(line));
}

test('what a program waited for is told once, in a line each', async () => {
  expect(
    await linesOf(
      gauge('minor_faults', 'count', 1_000, 900_000),
      gauge('major_faults', 'count', 100, 4_003),
      gauge('cgroup_usage', 'bytes', 100 * MIB, 250 * MIB, 200 * MIB),
      gauge('cgroup_limit', 'bytes', 256 * MIB, 256 * MIB),
      gauge('cgroup_max', 'count', 1_000, 1_017),
      gauge('cgroup_high', 'count', 5, 6),
      gauge('cgroup_oom', 'count', 2, 3),
      gauge('cgroup_oom_kill', 'count', 2, 3),
      gauge('psi_some', 'nanoseconds', 0, 1_200_000_000),
      gauge('cgroup_psi_some', 'nanoseconds', 0, 1_100_000_000),
    ),
  ).toEqual([
    '4,003 page faults waited for a disk',
    'the control group used 250 MiB of its 256 MiB (97.7 %)',
    'the control group ran into its limit 17 times',
    'the control group was slowed down above memory.high 1 time',
    'the control group was out of memory 1 time',
    'the kernel killed 1 time in the control group for want of memory',
    'tasks waited for memory for 1.2 s (pressure stall)',
  ]);
});

test('where nothing waits, and where nothing is known, there is no line', async () => {
  expect(
    await linesOf(
      gauge('major_faults', 'count', 0, 3),
      gauge('minor_faults', 'count', 0, 900_000),
      gauge('cgroup_usage', 'bytes', 100 * MIB, 150 * MIB),
      gauge('cgroup_limit', 'bytes', 256 * MIB),
      gauge('cgroup_max', 'count', 1_000, 1_000),
      gauge('psi_some', 'nanoseconds', 0, 1_000),
    ),
  ).toEqual([]);
  expect(await linesOf()).toEqual([]);
});
