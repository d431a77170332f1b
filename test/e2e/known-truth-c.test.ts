/** Known truth in C: five sites of 160 MiB each, in blocks of prime sizes, however the program ends. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratch } from '../cli/run-cli.ts';
import { mostByChance } from '../helpers/chance.ts';
import { FIXTURES, inUse, profileOf, readTruth, stacksOf } from './helpers.ts';

/** Relative SD of small blocks at 160 MiB and 64 KiB is 2 %, so 10 % is five of them. */
const HELD = '-DHELD_BYTES=(160u<<20)';
const SOURCE = join(FIXTURES, 'truth/sites.c');

function compile(folder: string): string {
  const program = join(folder, 'sites');
  const cc = spawnSync('cc', ['-g', '-O2', HELD, '-fno-omit-frame-pointer', '-o', program, SOURCE], {
    encoding: 'utf8',
  });
  if (cc.status !== 0) throw new Error(cc.stderr);
  return program;
}

const ENDS = [
  { end: 'exit', status: 0, signal: null },
  { end: 'kill', status: null, signal: 'SIGKILL' },
  { end: 'abort', status: null, signal: 'SIGABRT' },
] as const;

/** Whether each printed interval held the truth. */
const held: boolean[] = [];

describe.each(ENDS)('a C program that ends by $end', ({ end, status, signal }) => {
  it('shows each site within 10 %, at its function', async () => {
    const folder = scratch();
    const truthFile = join(folder, 'truth.json');
    const run = await profileOf(join(folder, 'recording'), [compile(folder), end], {
      flags: ['--sample-bytes', '64k', '--max-samples-per-second', '1000000'],
      env: { ...process.env, TRUTH_OUT: truthFile },
    });
    // memprof dies as the program died, where it can.
    expect({ status: run.status, signal: run.signal }).toEqual({ status, signal });

    const stacks = stacksOf(run.profile);
    const wrong: string[] = [];
    const truths = Object.values(readTruth(truthFile));
    for (const truth of truths) {
      const { bytes, interval } = inUse(
        stacks.filter(({ frames }) => frames.some(({ name }) => name === truth.function)),
      );
      if (Math.abs(bytes / truth.bytes - 1) > 0.1) wrong.push(`${truth.function}: ${bytes} of ${truth.bytes} bytes`);
      held.push(interval.low <= truth.bytes && truth.bytes <= interval.high);
    }
    expect(wrong).toEqual([]);
    expect(truths).toHaveLength(5);
  });
});

it('prints intervals that hold the truth 19 times in 20', () => {
  expect(held).toHaveLength(5 * ENDS.length);
  expect(held.filter((holds) => !holds).length).toBeLessThanOrEqual(mostByChance(held.length, 0.05));
});
