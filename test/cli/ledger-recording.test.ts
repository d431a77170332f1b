import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/model/ledger.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { jsonOf, readChunks } from '../capture/read-chunks.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { MEMPROF, memprof, pageOf, readManifest, scratch, start } from './run-cli.ts';

const MIB = 1 << 20;
const PROGRAM = fileURLToPath(new URL('../../fixtures/truth/resident.mjs', import.meta.url));

async function ledgerOf(folder: string, ...flags: string[]): Promise<Ledger> {
  const { status, stdout, stderr } = await memprof(['ledger', folder, '--format', 'json', ...flags]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { ledgers } = JSON.parse(stdout) as { ledgers: Ledger[] };
  expect(ledgers).toHaveLength(1);
  const [ledger] = ledgers;
  if (ledger === undefined) throw new Error('no ledger');
  expect(ledger.lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(ledger.rssBytes);
  return ledger;
}

const bytesOf = (ledger: Ledger, name: string): number => ledger.lines.find((line) => line.name === name)?.bytes ?? 0;

const readings = (folder: string) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.mpr'))
    .flatMap((file) => readChunks(join(folder, file)))
    .filter(({ type }) => type === CHUNK.ledger);

/** Whether a program that runs was read since it had so much. */
function hasReading(folder: string, rssBytes: number): boolean {
  return readings(folder).some((chunk) => Number(jsonOf(chunk).rssBeforeBytes) > rssBytes);
}

describe('499 MiB, recorded', () => {
  let folder: string;
  const parent = temporaryDirectory('ledger');

  beforeAll(async () => {
    folder = join(parent, 'touched');
    const program = [process.execPath, PROGRAM, 'touched', 'listen'];
    const run = start(process.execPath, [MEMPROF, 'run', '-q', '-o', folder, '--', ...program]);
    await run.prints('pid');
    while (!hasReading(folder, 499 * MIB)) await delay(50);
    run.child.stdin?.end();
    expect((await run.ended).status).toBe(0);
  });

  test.each(['end', 'peak'])('at the %s, without a remainder', async (moment) => {
    const ledger = await ledgerOf(folder, '--at', moment);
    expect(ledger.moment).toBe(moment);
    expect(bytesOf(ledger, 'mallocMapped') - 499 * MIB).toBeGreaterThanOrEqual(0);
    expect(bytesOf(ledger, 'mallocMapped') - 499 * MIB).toBeLessThan(2 * MIB);
    expect(Math.abs(ledger.residualBytes) / ledger.rssBytes).toBeLessThan(0.005);
    expect(bytesOf(ledger, 'profiler')).toBeGreaterThan(0);
  });

  test('the block is a Buffer’s, as a rule says of its sample', async () => {
    const mapped = (await ledgerOf(folder, '--at', 'peak')).lines.find(({ name }) => name === 'mallocMapped');
    const [first] = mapped?.parts ?? [];
    expect([first?.name, first?.title]).toEqual(['pool', 'buffers']);
    expect(Math.abs((first?.bytes ?? 0) - 499 * MIB)).toBeLessThan(2 * MIB);
  });

  test('V8 said how much of its pages is used', async () => {
    const v8 = (await ledgerOf(folder)).lines.find(({ name }) => name === 'v8Heap');
    expect(v8?.parts.map(({ name }) => name)).toEqual(['used', 'rest']);
    expect(v8?.parts[0]?.bytes).toBeGreaterThan(MIB);
  });

  test('the end is the default, in text as well', async () => {
    const { status, stdout } = await memprof(['ledger', folder]);
    expect(status).toBe(0);
    expect(stdout).toContain('at the end, ');
    expect(stdout).toMatch(/^malloc, blocks mapped on their own {2,}[=~] (499|500) MiB/m);
  });

  test('the page has all readings, each line to the byte', async () => {
    const { processes } = await pageOf('ledger', folder);
    const [process] = processes;
    expect(process?.ledgers.length).toBe(readings(folder).length);
    for (const { rssBytes, lines } of process?.ledgers ?? []) {
      expect(lines.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(rssBytes);
    }
    const last = process?.ledgers.at(-1);
    const [, mappedBytes = 0] = last?.lines.find(([kind]) => process?.lineKinds[kind]?.name === 'mallocMapped') ?? [];
    expect(mappedBytes).toBeGreaterThanOrEqual(499 * MIB);
  });

  test('memprof parse shows the readings', async () => {
    const [file = ''] = readManifest(folder).files;
    const { stdout } = await memprof(['parse', join(folder, file)]);
    expect(stdout).toMatch(/"type":"LEDGER","json":\{"reason":"(peak|timer|end)"/);
  });

  test('names of small files are nobody’s business', () => {
    expect(readings(folder).length).toBeGreaterThan(0);
    for (const reading of readings(folder)) {
      const { paths } = jsonOf(reading) as { paths: string[] };
      expect(paths.some((path) => path.endsWith('/node'))).toBe(true);
      expect(paths.filter((path) => path.includes('.store') && !path.startsWith('/memprof-'))).toEqual([]);
    }
  });
});

describe('what has no answer', () => {
  test('a program too short to be read', async () => {
    const folder = join(scratch(), 'short');
    await memprof(['run', '-q', '-o', folder, '--', '/bin/true']);
    const { status, stdout, stderr } = await memprof(['ledger', folder]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('has no ledger reading');
  });

  test('a folder that is no recording', async () => {
    const { status, stderr } = await memprof(['ledger', scratch()]);
    expect(status).toBe(2);
    expect(stderr).not.toContain('    at ');
  });
});
