/**
 * The faults of the streaming server, found by the names that it gives its memory: each differs from the control in the line of
 * `report --by arena` that names it, and in the numbers of summary.json behind that line.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { driveServer } from '../../fixtures/workloads/drive.mjs';
import type { Fault } from '../../fixtures/workloads/server/faults.mjs';
import { summarize } from '../../src/analyze/summary.ts';
import { MemprofError } from '../../src/errors.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import type { Summary } from '../../src/schema/summary.ts';
import { cleanEnvironment, MEMPROF, memprof, start } from '../cli/run-cli.ts';
import { runtimesAreMissing } from '../workloads/workloads.ts';
import { FIXTURES } from './helpers.ts';

const MIB = 2 ** 20;
const SERVER = join(FIXTURES, 'workloads/sse-server.mjs');
const REQUESTS = 24;
const CONNECTIONS = 2;
/** Of scratch tensors: two in each of 24 steps. */
const TAKES = REQUESTS * 24 * 2;
/** Of the KV pool: two sequences of 512 tokens, the most that the tiny model takes. */
const BUDGET_BYTES = 2 * MIB;

const folder = mkdtempSync(join(tmpdir(), 'memprof-arenas-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly summary: Summary;
  /** `report --by arena`, where it was asked for. */
  readonly text: string;
}

interface Options {
  /** When to take the text of `report --by arena`: at the end, or while the clients are there, all garbage collected. */
  readonly text?: 'connected' | 'end';
  /** Whether to take numbers while the clients are there. */
  readonly looks?: boolean;
  /** Mean gap between samples. 8k: for counts, and for blocks of 128 KiB and more. */
  readonly sampleBytes?: '4k' | '8k';
}

/** What SIGUSR2 asked for, when the recording has it. */
async function snapshotOnDemand(recording: string): Promise<Summary> {
  for (;;) {
    try {
      return summarize(await buildProfile(recording, { moment: 'demand' }), { memprofVersion: '0.0.0' });
    } catch (error) {
      if (!(error instanceof MemprofError && error.code === 'NO_SUCH_MOMENT')) throw error;
      await setTimeout(100);
    }
  }
}

/** Runs the server with a fault under load. */
async function profileServer(fault: Fault | 'none', { text, looks = false, sampleBytes = '8k' }: Options) {
  const recording = join(folder, fault);
  const textAt = async (moment: Options['text']) =>
    moment === text ? (await memprof(['report', recording, '--by', 'arena'])).stdout : '';
  const flags = ['--sample-bytes', sampleBytes, '--max-samples-per-second', '1000000', '--no-v8'];
  const args = ['run', '-q', '-o', recording, ...flags, '--', process.execPath, SERVER];
  const server = start(process.execPath, [MEMPROF, ...args], {
    env: { ...cleanEnvironment(), [fault]: '1', PRESET: 'tiny', MAX_ACTIVE: String(CONNECTIONS), PORT: '0' },
  });
  try {
    let output = '';
    server.child.stdout?.on('data', (text: string) => {
      output += text;
    });
    await server.prints('listening on');
    let connected: Report | undefined;
    const truth = await driveServer(output.match(/http:\/\/\S+/)?.[0] ?? '', {
      requests: REQUESTS,
      connections: CONNECTIONS,
      whileConnected: async () => {
        if (!looks) return;
        server.child.kill('SIGUSR2');
        connected = { summary: await snapshotOnDemand(recording), text: await textAt('connected') };
      },
    });
    expect(truth.errors).toBe(0);
    server.child.kill('SIGTERM');
    expect((await server.ended).status).toBe(0);
    const summary: Summary = JSON.parse(readFileSync(join(recording, 'summary.json'), 'utf8'));
    return { truth, connected, end: { summary, text: await textAt('end') } };
  } finally {
    server.child.kill('SIGKILL');
  }
}

let control: ReturnType<typeof profileServer> | undefined;

function withoutFault(): ReturnType<typeof profileServer> {
  control ??= profileServer('none', { text: 'end', looks: true });
  return control;
}

function lifeOf(report: Report | undefined, pool: string) {
  const life = report?.summary.pools.rows.find((row) => row.pool === pool)?.life;
  if (life === undefined) throw new Error(`no pool ${pool} in ${report?.text}`);
  return life;
}

/** The pool's line: its last columns are arenas, held, most, hits, misses, sizes. */
function countsOf(report: Report, pool: string) {
  const line = report.text.split('\n').find((candidate) => candidate.startsWith(`${pool} `)) ?? '';
  const [arenas, held, most, hits, misses, sizes] = line
    .split(/ +/)
    .slice(-6)
    .map((text) => Number(text.replace(/,/g, '')));
  return { arenas, held, most, hits, misses, sizes };
}

/** The sentences about a pool, joined where they were broken. */
function faultsOf(report: Report | undefined, pool: string): string[] {
  const lines = (report?.text ?? '').replace(/\n {2}(?=\S)/g, ' ').split('\n');
  return lines.filter((line) => line.startsWith(`! ${pool}: `));
}

describe.skipIf(runtimesAreMissing())('report --by arena of the streaming server', { timeout: 300_000 }, () => {
  it('without a fault: slabs are used again, nothing outlives its release, no sentence about a pool', async () => {
    const { truth, connected, end } = await withoutFault();
    const { hits, misses } = truth.disconnected.kvPool;
    expect(hits + misses).toBe(REQUESTS);
    expect(countsOf(end, 'kv-cache')).toMatchObject({ arenas: misses, held: misses, most: misses, hits, misses });
    expect(lifeOf(end, 'request')).toMatchObject({ arenas: REQUESTS, releasedArenas: REQUESTS });
    // What stands in a register or a stale slot of the stack may survive the collection.
    expect(lifeOf(connected, 'request').liveAfterReleaseBytes.value).toBeLessThanOrEqual(CONNECTIONS * 1.1 * MIB);
    expect(faultsOf(end, 'kv-cache')).toEqual([]);
    expect(faultsOf(end, 'tensor-pool')).toEqual([]);
  });

  it('LEAK_KV: no slab is ever found in kv-cache, as many arenas as requests hold memory, the budget is exceeded', async () => {
    const { truth, end } = await profileServer('LEAK_KV', { text: 'end', sampleBytes: '4k' });
    const counts = { arenas: REQUESTS, held: REQUESTS, most: REQUESTS, hits: 0, misses: REQUESTS };
    expect(countsOf(end, 'kv-cache')).toMatchObject(counts);
    expect(faultsOf(end, 'kv-cache')).toEqual([
      // About a MiB, which may print as KiB.
      expect.stringMatching(/^! kv-cache: its peak is [\d.,]+ [KM]iB over its budget of 2\.0 MiB$/),
    ]);

    const { liveBytes, budgetBytes } = lifeOf(end, 'kv-cache');
    const truthBytes = truth.disconnected.kvPool.liveBytes;
    expect(truthBytes).toBe(3 * MIB);
    expect(budgetBytes).toBe(BUDGET_BYTES);
    // 192 arrays of 16 KiB, each seen with p = 0.98: one SD is 1 %. Beside them the arenas hold 2 % of V8's records of arrays.
    expect(liveBytes.value).toBeGreaterThan(0.95 * truthBytes);
    expect(liveBytes.value).toBeLessThan(1.07 * truthBytes);
    // What the events add up to, and what the tables held at the end: two accounts of the same memory.
    for (const { arena, inuse_space, alloc_space, life } of end.summary.arenas.rows) {
      if (life === undefined) continue;
      expect(Math.abs((life.liveBytes.value ?? 0) - (inuse_space.value ?? 0)), arena).toBeLessThanOrEqual(1);
      expect(Math.abs((life.allocatedBytes.value ?? 0) - (alloc_space.value ?? 0)), arena).toBeLessThanOrEqual(1);
    }
  });

  it('LATE_FREE: while the clients are connected, the memory of every released request is still in use', async () => {
    const { truth, connected, end } = await profileServer('LATE_FREE', { text: 'connected', looks: true });
    expect(truth.connected.arenas.heldAfterRequest).toBe(REQUESTS);
    const { value } = lifeOf(connected, 'request').liveAfterReleaseBytes;
    expect((value ?? 0) / truth.connected.arenas.heldBytes).toBeCloseTo(1, 2);
    expect(lifeOf(connected, 'request')).toMatchObject({ holdingArenas: REQUESTS, releasedArenas: REQUESTS });
    expect(faultsOf(connected, 'request').join()).toMatch(/! request: 24\.\d MiB of released arenas are still in use/);
    // After the clients went, all is well again, but for the most that were held at once.
    expect(lifeOf(end, 'request').peakArenas).toBe(REQUESTS);
  });

  it('POOL_MISS: no tensor is found in tensor-pool, which asks for memory at every step', async () => {
    const { end } = await profileServer('POOL_MISS', { text: 'end' });
    expect(countsOf(end, 'tensor-pool')).toMatchObject({ hits: 0, misses: TAKES });
    expect(faultsOf(end, 'tensor-pool')).toEqual(['! tensor-pool: none of 1,152 was found in the pool']);
    const healthy = await withoutFault();
    const { hits, misses } = healthy.truth.disconnected.tensorPool;
    expect(countsOf(healthy.end, 'tensor-pool')).toMatchObject({ hits, misses });
    expect(misses).toBeLessThanOrEqual(3 * CONNECTIONS);
    // Half of the takes are of 128 KiB; with a pool, one for each sequence.
    const allocated = (report: Report) => lifeOf(report, 'tensor-pool').allocatedBytes.value ?? 0;
    expect(allocated(end)).toBeGreaterThan((TAKES / 2) * 0.125 * MIB);
    expect(allocated(healthy.end)).toBeLessThan(allocated(end) / 4);
  });

  it('FRAGMENT: kv-cache has a slab of its own size for each request, where VARY shares a few', async () => {
    const { truth, end } = await profileServer('FRAGMENT', { text: 'end', sampleBytes: '4k' });
    const varied = await profileServer('VARY', { sampleBytes: '4k' });
    expect(countsOf(end, 'kv-cache')).toMatchObject({ arenas: REQUESTS, hits: 0, misses: REQUESTS });
    const { hits, misses } = varied.truth.disconnected.kvPool;
    expect(lifeOf(varied.end, 'kv-cache')).toMatchObject({ arenas: misses, hits, misses });
    expect(misses).toBeLessThanOrEqual(3 * CONNECTIONS);
    // Every slab has blocks of one size; what else is in there are small records of V8's.
    expect(lifeOf(end, 'kv-cache').sizes).toBeGreaterThanOrEqual(REQUESTS);
    expect(lifeOf(varied.end, 'kv-cache').sizes).toBeLessThan(0.75 * REQUESTS);
    const { value } = lifeOf(end, 'kv-cache').liveBytes;
    expect((value ?? 0) / truth.disconnected.kvPool.freeBytes).toBeGreaterThan(0.95);
    expect(faultsOf(end, 'kv-cache').join()).toContain('over its budget of 2.0 MiB');
    expect(lifeOf(varied.end, 'kv-cache').peakBytes.value).toBeLessThan(BUDGET_BYTES);
  });
});
