import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FIXTURES, run, scratch } from './workloads.ts';

const SITES = join(FIXTURES, 'truth/sites.mjs');
const HELD_BYTES = 64 * 2 ** 20;

/** Prints memoryUsage() at exit, after a collection; the second one waits for the sweeper of the first. */
const REPORT = `data:text/javascript,process.on('exit',()=>{gc();gc();console.error(JSON.stringify(process.memoryUsage()))})`;

async function memoryOf(
  names: string[],
): Promise<{ truth: Record<string, { bytes: number; line: number }>; usage: NodeJS.MemoryUsage }> {
  const file = join(scratch(), 'truth.json');
  const args = ['--expose-gc', '--import', REPORT, SITES, ...names];
  const { status, stdout, stderr } = await run(process.execPath, args, { TRUTH_OUT: file });
  expect([status, stdout]).toEqual([0, 'ready\n']);
  return { truth: JSON.parse(readFileSync(file, 'utf8')), usage: JSON.parse(stderr) };
}

describe('the truth of the JavaScript sites', () => {
  it.each([
    ['holdObjects', 'heapUsed'],
    ['holdStrings', 'heapUsed'],
    ['holdExternalStrings', 'external'],
    ['holdBufferAlloc', 'arrayBuffers'],
    ['holdBufferAllocUnsafe', 'arrayBuffers'],
    ['holdFloat32Array', 'arrayBuffers'],
    ['holdSharedArrayBuffer', 'arrayBuffers'],
    ['holdStructuredClone', 'arrayBuffers'],
    ['holdTransferred', 'arrayBuffers'],
    ['holdResizableArrayBuffer', 'rss'],
    ['holdWasmMemory', 'rss'],
  ] as const)('%s agrees with %s', async (name, counter) => {
    const { truth, usage } = await memoryOf([name]);
    const site = truth[name];
    expect(site?.bytes).toBeGreaterThanOrEqual(HELD_BYTES);
    expect(usage[counter]).toBeGreaterThan(0.99 * (site?.bytes ?? 0));
    // What else there is: an empty process (heapUsed 4 MB, rss 45 MB), a holder of 1.4 M references (11 MB), what churn left in rss.
    const slackBytes = counter === 'rss' ? 150e6 : counter === 'heapUsed' ? 18e6 : 2e6;
    expect(usage[counter]).toBeLessThan((site?.bytes ?? 0) + slackBytes);

    const line = readFileSync(SITES, 'utf8').split('\n')[(site?.line ?? 0) - 1];
    expect(line).toContain(`// site: ${name}`);
  });

  it.each([
    ['exit', 0, null],
    ['wait', 0, null],
    ['kill', null, 'SIGKILL'],
    ['exit-in-handler', 3, null],
    ['throw', 1, null],
  ])('ends as told: %s', async (end, status, signal) => {
    const file = join(scratch(), 'truth.json');
    const outcome = await run(process.execPath, [SITES, '--end', end, 'holdWasmMemory'], { TRUTH_OUT: file });
    expect(outcome).toMatchObject({ status, signal, stdout: 'ready\n' });
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')))).toEqual(['holdWasmMemory']);
  });
});

describe('the truth of the C sites', () => {
  it('is what the process holds', async () => {
    const folder = scratch();
    const program = join(folder, 'sites');
    const compiled = await run('cc', ['-g', '-O2', '-Wall', '-Werror', '-o', program, join(FIXTURES, 'truth/sites.c')]);
    expect(compiled).toMatchObject({ status: 0, stderr: '' });

    const file = join(folder, 'truth.json');
    const child = spawn(program, ['wait'], { env: { TRUTH_OUT: file }, stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const rssBytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024;
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);

    const sites: { bytes: number; sizeBytes: number; count: number }[] = Object.values(
      JSON.parse(readFileSync(file, 'utf8')),
    );
    expect(sites.map((site) => site.sizeBytes)).toEqual([61, 1021, 20_483, 307_201, 1_048_573]);
    for (const site of sites) expect(site.bytes).toBeGreaterThanOrEqual(HELD_BYTES);
    const heldBytes = sites.reduce((sum, site) => sum + site.bytes, 0);
    expect(rssBytes).toBeGreaterThan(heldBytes);
    // Headers of blocks (16 of 80 bytes for the smallest), the tables of pointers, pages not quite full.
    expect(rssBytes).toBeLessThan(1.25 * heldBytes);
  });
});
