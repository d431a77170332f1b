import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openChunkStream } from '../../src/interpret/chunk-stream.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { MEMPROF, scratch, start } from '../cli/run-cli.ts';
import { program } from '../native/programs.ts';

/** Whether the recording that is being made has a reading of at least so many resident bytes. */
function hasReadingOf(folder: string, rssBytes: number): boolean {
  const file = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.mpr'));
  if (!file) return false;
  const stream = openChunkStream(join(folder, file));
  try {
    for (const { ref, payload } of stream.chunks()) {
      if (ref.type !== CHUNK.ledger) continue;
      if (JSON.parse(payload()?.toString('utf8') ?? '{}').rssBeforeBytes >= rssBytes) return true;
    }
    return false;
  } finally {
    stream.close();
  }
}

test('huge pages over time are those that the program was given', async (context) => {
  const out = join(scratch(), 'out');
  const running = start(process.execPath, [MEMPROF, 'run', '-o', out, '--', program('big_pages')]);
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await running.prints('\n');
  while (running.child.exitCode === null && !hasReadingOf(out, 34 << 20)) await delay(100);
  running.child.stdin?.end();
  const { stdout, status } = await running.ended;
  expect(status).toBe(0);
  const hugeBytes = 1024 * Number(stdout.split('\n')[0]);
  if (hugeBytes === 0) return context.skip('the kernel gives no transparent huge pages here');
  const { gauges } = await buildProfile(out);
  const values = gauges.find(({ name }) => name === 'huge_pages')?.points.map(({ value }) => value) ?? [];
  expect(Math.max(...values)).toBe(hugeBytes);
});
