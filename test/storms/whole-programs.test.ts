/** Other people's programs, sampled densely, do to the byte what they do alone. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildProfile } from '../../src/interpret/index.ts';
import { findProblems } from '../../src/model/validate.ts';
import { MEMPROF, readManifest, scratch } from '../cli/run-cli.ts';
import { makeRunDirectory, readStores, SAMPLER } from '../native/store.ts';
import { missingCommand, runStorm, type Seen, STORMS } from './storm.ts';

const MEAN_BYTES = 4096;
/** Of these, all that a recording may say: none of them is a loss of ours. */
const EXPECTED_NOTICES = /^(MEAN_RAISES|V8_|BROKEN_STACKS|UNKNOWN_JS_FRAMES|STILL_RUNNING|TRUNCATED_STACKS)/;

/** Without memprof's own lines. */
const programsOwn = ({ stderr, ...seen }: Seen): Seen => ({
  ...seen,
  stderr: stderr.replace(/^memprof: .*\n/gm, ''),
});

describe('alone, under memprof and under the bare sampler: the same output, end and files', () => {
  test.for(STORMS)('%s', async (storm, context) => {
    const missing = missingCommand(storm);
    if (missing !== undefined) context.skip(`needs ${missing}`);
    const root = scratch();
    const plain = await runStorm(root, storm);
    expect(plain.stdout, 'the script itself does its work here').not.toBe('');

    const out = join(root, 'out');
    const run = [process.execPath, MEMPROF, 'run', '-q', '-o', out, '--sample-bytes', String(MEAN_BYTES), '--'];
    const profiled = await runStorm(root, storm, { prefix: run });
    expect(programsOwn(profiled)).toEqual(plain);

    const directory = makeRunDirectory({ meanBytes: MEAN_BYTES });
    try {
      const sampled = await runStorm(root, storm, { env: { LD_PRELOAD: SAMPLER, MEMPROF_RUN_DIR: directory } });
      expect(sampled).toEqual(plain);
      const stores = readStores(directory);
      expect(stores.length).toBeGreaterThan(3);
      expect(stores.reduce((sum, store) => sum + (store.counters.alloc_samples ?? 0), 0)).toBeGreaterThan(100);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }

    expect(readManifest(out).files.length).toBeGreaterThan(0);
    expect(readdirSync(out)).toContain('profile.pb.gz');
    const profile = await buildProfile(out);
    expect(findProblems(profile)).toEqual([]);
    expect(profile.notices.filter(({ code }) => !EXPECTED_NOTICES.test(code))).toEqual([]);
  });
});
