import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createNumaLog, parseNodes, parseNumaMaps } from '../../src/capture/numa.ts';
import { createRecordingFile } from '../../src/capture/recording-writer.ts';
import { createSeriesTable } from '../../src/interpret/series.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { start } from '../cli/run-cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { program } from '../native/programs.ts';
import { readChunks } from './read-chunks.ts';

const folder = temporaryDirectory('numa');

test('nodes are a list of ranges', () => {
  expect(parseNodes('0\n')).toEqual([0]);
  expect(parseNodes('0-2,5,8-9\n')).toEqual([0, 1, 2, 5, 8, 9]);
  expect(parseNodes('')).toEqual([]);
  expect(parseNodes('3-1,junk,7')).toEqual([7]);
});

test('pages are counted by node, in the size that they have', () => {
  const text = [
    '7f00 default file=/lib/N1=9.so mapped=12 N0=10 N1=2 kernelpagesize_kB=4',
    '7f10 interleave:0-1 anon=1024 dirty=1024 N0=512 N1=512 kernelpagesize_kB=4',
    '7f20 default file=/anon_hugepage\\040(deleted) huge anon=3 dirty=3 N1=3 kernelpagesize_kB=2048',
    '7f30 default heap',
    '',
  ].join('\n');
  const byNode = [
    [0, (10 + 512) * 4096],
    [1, (2 + 512) * 4096 + 3 * (2 << 20)],
  ] as const;
  expect([...parseNumaMaps(text)]).toEqual(byNode);
});

test('with one node there is nothing to tell', () => expect(createNumaLog(process.pid, [0])).toBeUndefined());

test('the nodes of a live process add up to its RSS; a large one is not held up', async (context) => {
  try {
    readFileSync('/proc/self/numa_maps');
  } catch {
    return context.skip('this kernel has no /proc/PID/numa_maps');
  }
  const running = start(program('big_pages'), []);
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await running.prints('\n');
  const pid = running.child.pid ?? 0;
  const out = createRecordingFile(folder, 'live', (cause) => {
    throw cause;
  });
  // As if there were a second one; this machine's memory is all on those that it has.
  const log = createNumaLog(pid, [...new Set([...parseNodes('0-7'), 1_000])]);
  log?.tick(1n, 2 ** 30 + 1);
  log?.flush(out, 2n, true);
  log?.tick(3n, 34 << 20);
  log?.flush(out, 4n, true);
  out.close();
  const rssBytes = 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  const chunks = readChunks(join(folder, 'live.mpr')).filter(({ type }) => type === CHUNK.series);
  expect(chunks).toHaveLength(1);
  const table = createSeriesTable();
  for (const { payload } of chunks) table.add(payload);
  const sum = table.all().reduce((total, { values }) => total + (values.at(-1) ?? 0), 0);
  // The kernel's own sum is late by some pages a processor.
  expect(Math.abs(sum - rssBytes)).toBeLessThan(2 << 20);
  expect(sum).toBeGreaterThan(34 << 20);
});
