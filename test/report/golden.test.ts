import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { GROUPINGS } from '../../src/analyze/group.ts';
import { summarize } from '../../src/analyze/summary.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { FORMATS } from '../../src/report/index.ts';
import { goPprof, HAS_GO } from '../helpers/go-pprof.ts';
import { approximateProfile, inferenceProfile, makeProfile, poolProfile } from '../helpers/profiles.ts';
import { writeRecording } from '../helpers/recording-builder.ts';
import { serverRecording } from '../helpers/server-recording.ts';

/** fixtures/golden/README.md says how to write them anew. */
const golden = (name: string): string => fileURLToPath(new URL(`../../fixtures/golden/${name}`, import.meta.url));

/** A recording, so that lives are there. */
async function serverProfile() {
  const directory = mkdtempSync(join(tmpdir(), 'memprof-server-'));
  try {
    const endedAtNs = '1700000016000000000';
    return await buildProfile(writeRecording(directory, { '4711.0.mpr': serverRecording() }, { endedAtNs }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
const server = await serverProfile();

describe.each([
  ['inference', inferenceProfile()],
  ['server', server],
  ['pools', poolProfile()],
  ['approximate', approximateProfile()],
  ['empty', makeProfile([], { processes: [] })],
])('%s', (name, profile) => {
  const summary = summarize(profile, { memprofVersion: '0.0.0' });

  it('text', async () => {
    await expect(FORMATS.text(profile, { summary })).toMatchFileSnapshot(golden(`${name}.txt`));
  });

  it('json', async () => {
    await expect(FORMATS.json(profile, { summary })).toMatchFileSnapshot(golden(`${name}.summary.json`));
  });

  it('folded', async () => {
    await expect(FORMATS.folded(profile, { summary })).toMatchFileSnapshot(golden(`${name}.folded`));
  });

  it('speedscope', async () => {
    const file = JSON.parse(FORMATS.speedscope(profile, { summary }));
    await expect(`${JSON.stringify(file, null, 1)}\n`).toMatchFileSnapshot(golden(`${name}.speedscope.json`));
  });

  it.skipIf(!HAS_GO)('pprof, as the real reader spells it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'memprof-golden-'));
    try {
      const path = join(directory, 'profile.pb.gz');
      writeFileSync(path, FORMATS.pprof(profile, { summary }));
      const raw = goPprof('-raw', path).replace(/:(\d+):\d+ s=/g, ':$1 s=');
      await expect(raw).toMatchFileSnapshot(golden(`${name}.pprof-raw.txt`));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('inference by', () => {
  it.each(GROUPINGS)('%s', async (by) => {
    const profile = inferenceProfile();
    const summary = summarize(profile, { memprofVersion: '0.0.0', by });
    await expect(FORMATS.text(profile, { summary })).toMatchFileSnapshot(golden(`inference.by-${by}.txt`));
  });
});

describe('server by', () => {
  it.each(['pool', 'arena', 'stage', 'label'] as const)('%s', async (by) => {
    const summary = summarize(server, { memprofVersion: '0.0.0', by });
    await expect(FORMATS.text(server, { summary })).toMatchFileSnapshot(golden(`server.by-${by}.txt`));
    await expect(FORMATS.folded(server, { summary })).toMatchFileSnapshot(golden(`server.by-${by}.folded`));
  });
});
