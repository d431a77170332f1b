/**
 * Whatever a recording says, it becomes a profile or an error that we know. `MEMPROF_FUZZ=100000 npx vitest run test/recording/fuzz` takes
 * longer; a failure prints its seed, and `MEMPROF_FUZZ_SEED` begins there.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { summarize } from '../../src/analyze/summary.ts';
import { MemprofError } from '../../src/errors.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import type { Moment } from '../../src/model/profile.ts';
import { findProblems } from '../../src/model/validate.ts';
import { FORMATS } from '../../src/report/index.ts';
import { writeRecording } from '../helpers/recording-builder.ts';
import { smallRecording } from '../helpers/small-recording.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { REPOSITORY } from '../native/store.ts';
import { mutateJson, mutateRecording, seeded } from './mutate.ts';

const RUNS = Number(process.env.MEMPROF_FUZZ ?? 1200);
const FIRST_SEED = Number(process.env.MEMPROF_FUZZ_SEED ?? 1);
const EXTRA_BYTES = 200 << 20;
const root = temporaryDirectory('fuzz');

function readFixture(name: string) {
  const folder = join(REPOSITORY, 'fixtures/recordings', name);
  const file = readdirSync(folder).find((entry) => entry.endsWith('.mpr')) ?? 'none';
  return {
    file,
    bytes: readFileSync(join(folder, file)),
    manifest: readFileSync(join(folder, 'recording.json'), 'utf8'),
  };
}
const small = readFixture('c-tree');
const large = readFixture('node-24-kv-cache');
const eachKind = { ...small, bytes: smallRecording() };

/** Reads a recording and makes every report of it. Anything but an error of ours is thrown on. */
async function report(directory: string, moment: Moment): Promise<'profile' | 'refused'> {
  try {
    const profile = await buildProfile(directory, { moment });
    expect(findProblems(profile)).toEqual([]);
    const summary = summarize(profile, { memprofVersion: '0' });
    for (const format of Object.values(FORMATS)) format(profile, { summary });
    return 'profile';
  } catch (error) {
    if (!(error instanceof MemprofError)) throw error;
    expect(error.hint).toMatch(/\w/);
    return 'refused';
  }
}

test(`${RUNS} damaged recordings`, { timeout: 3_600_000 }, async () => {
  const directory = join(root, 'case');
  const seen = { profile: 0, refused: 0 };
  let startedRss = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const random = seeded(seed);
    const { file, bytes, manifest } = random.below(40) === 0 ? large : random.pick([small, eachKind]);
    rmSync(directory, { recursive: true, force: true });
    const files = {
      [file]: mutateRecording(bytes, random),
      'recording.json': Buffer.from(random.below(4) === 0 ? mutateJson(manifest, random) : manifest),
    };
    writeRecording(directory, files, null);
    try {
      seen[await report(directory, random.below(3) === 0 ? 'peak' : 'end')]++;
    } catch (cause) {
      throw new Error(`seed ${seed}: ${(cause as Error).stack}`, { cause });
    }
    // Code and caches are warm by then.
    if (seed === FIRST_SEED + 200) startedRss = process.resourceUsage().maxRSS * 1024;
  }
  if (process.env.MEMPROF_FUZZ) console.log(JSON.stringify(seen));
  // Most damage is survived: a fuzzer whose recordings are all refused at the door tests nothing.
  expect(seen.profile).toBeGreaterThan(RUNS * 0.6);
  if (startedRss > 0) expect(process.resourceUsage().maxRSS * 1024 - startedRss).toBeLessThan(EXTRA_BYTES);
});
