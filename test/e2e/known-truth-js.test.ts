/**
 * The promise of the whole product, on the program that knows the truth: every kind of memory that JavaScript can hold shows
 * the function and the line that made it, and the estimate and its interval hold what is really there.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/model/frames.ts';
import { scratch } from '../cli/run-cli.ts';
import { mostByChance } from '../helpers/chance.ts';
import { FIXTURES, inUse, NODES, profileOf, readTruth, stacksOf, type Truth } from './helpers.ts';

const SITES = join(FIXTURES, 'truth/sites.mjs');
/** Relative SD of small objects at 192 MiB and 64 KiB is 1.8 %, so 10 % is more than five of them. */
const HELD_MIB = '192';

/** Not Node's own: `toString` of node:buffer is inlined in one sample and a frame in the next. */
const ofFixture = (frame: Frame) => frame.file.endsWith('sites.mjs');

const isAt = (frame: Frame | undefined, truth: Truth) =>
  frame?.name === truth.function && frame.file.endsWith(truth.file);

/** Whether each printed interval held the truth. */
const held: boolean[] = [];

describe.each(NODES)('Node $major', ({ path }) => {
  it.skipIf(!existsSync(path))('shows every kind of memory at the line that made it, within 10 %', async () => {
    const folder = scratch();
    const truthFile = join(folder, 'truth.json');
    const { profile, status, stdout } = await profileOf(join(folder, 'recording'), [path, SITES], {
      // Without the cap, which would make the mean grow in a program that does nothing but allocate.
      flags: ['--sample-bytes', '64k', '--v8-interval', '64k', '--max-samples-per-second', '1000000'],
      env: { ...process.env, TRUTH_OUT: truthFile, TRUTH_HELD_MIB: HELD_MIB },
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ready\n' });

    const stacks = stacksOf(profile);
    const truths = Object.values(readTruth(truthFile));
    expect(truths).toHaveLength(11);
    const wrong: string[] = [];
    for (const truth of truths) {
      const estimate = inUse(
        stacks.filter(({ sample, frames }) => {
          const isV8 = sample.labels.heap === 'v8';
          if (isV8 !== (truth.heap === 'v8')) return false;
          // V8's own sampler has no frames below JavaScript, and knows of lines only where a function begins.
          return isV8
            ? isAt(frames.find(ofFixture), truth)
            : frames.some((frame) => isAt(frame, truth) && frame.line === truth.line);
        }),
      );
      const { bytes, interval } = estimate;
      if (Math.abs(bytes / truth.bytes - 1) > 0.1) wrong.push(`${truth.function}: ${bytes} of ${truth.bytes} bytes`);
      held.push(interval.low <= truth.bytes && truth.bytes <= interval.high);
    }
    expect(wrong).toEqual([]);
  });
});

it('prints intervals that hold the truth 19 times in 20', () => {
  expect(held.filter((holds) => !holds).length).toBeLessThanOrEqual(mostByChance(held.length, 0.05));
});
