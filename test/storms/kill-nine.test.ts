/**
 * kill -9 at random moments: what is recorded can always be read, and holds what the program held.
 * `MEMPROF_KILLS=1000 npx vitest run test/storms/kill-nine` does it a thousand times and prints the errors.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { startDrain } from '../../src/capture/drain.ts';
import { buildProfile } from '../../src/interpret/index.ts';
import { findProblems } from '../../src/model/validate.ts';
import { CHUNK } from '../../src/recording/chunks.ts';
import { readChunks } from '../capture/read-chunks.ts';
import { MEMPROF, readManifest, runToEnd, scratch, start } from '../cli/run-cli.ts';
import { program } from '../native/programs.ts';
import { makeRunDirectory, SAMPLER } from '../native/store.ts';
import { pooled, readTruth, standardErrors, waitForTruth } from './kill-nine.ts';

const KILLS = Number(process.env.MEMPROF_KILLS ?? 40);
const MEAN_BYTES = 16_384;
const AT_ONCE = 4;
/** Of all kills: the others go through the whole command line, which takes much longer. */
const OF_RUNS = Math.ceil(KILLS * 0.06);
const OF_MEMPROF = Math.ceil(KILLS * 0.06);
const OF_BATCHES = Math.ceil((KILLS - OF_RUNS - OF_MEMPROF) / AT_ONCE);
const checkpoints = program('checkpoints');

const errors: number[] = [];
const done = { killed: 0, ofMemprof: 0 };
afterAll(() => {
  if (process.env.MEMPROF_KILLS) console.log(JSON.stringify({ ...done, errors: errors.length, ...pooled(errors) }));
});

/** The errors of one killed program are those of chance; all of them together are tested at the end. */
function judge(found: readonly number[]): void {
  for (const error of found) expect(Math.abs(error)).toBeLessThan(6);
  errors.push(...found);
}

test(`${OF_BATCHES * AT_ONCE} programs killed while they are drained`, { timeout: 3_600_000 }, async () => {
  for (let batch = 0; batch < OF_BATCHES; batch++) {
    const output = join(scratch(), 'out');
    mkdirSync(output);
    const runDirectory = makeRunDirectory({ meanBytes: MEAN_BYTES, seed: 0 });
    const notices: string[] = [];
    const drain = startDrain({
      runDirectory,
      outputDirectory: output,
      mainPid: 0,
      mainName: '',
      snapshotEveryMs: 0,
      requestV8Profile: () => undefined,
      onNotice: ({ code }) => notices.push(code),
    });
    const truths = await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => {
        const path = join(output, `truth-${i}`);
        const child = spawn(checkpoints, [path], {
          env: { ...process.env, LD_PRELOAD: SAMPLER, MEMPROF_RUN_DIR: runDirectory },
        });
        const ended = once(child, 'exit');
        await waitForTruth(path);
        await delay(Math.random() * 150);
        child.kill('SIGKILL');
        expect(await ended).toEqual([null, 'SIGKILL']);
        return readTruth(path);
      }),
    );
    await drain.finish({ exitCode: null, signal: 'SIGKILL' });
    rmSync(runDirectory, { recursive: true });
    expect(drain.files()).toHaveLength(AT_ONCE);
    expect(notices.filter((code) => code !== 'EVENTS_LOST')).toEqual([]);
    for (const file of drain.files()) {
      expect(readChunks(join(output, file)).map(({ type }) => type)).toContain(CHUNK.end);
    }
    const profile = await buildProfile(output);
    expect(findProblems(profile)).toEqual([]);
    expect(profile.processes).toHaveLength(AT_ONCE);
    for (const truth of truths) {
      if (truth === undefined) throw new Error('no truth');
      judge(standardErrors(profile, truth, MEAN_BYTES));
      done.killed++;
    }
  }
});

const run = (out: string, truth: string): string[] => [
  ...[MEMPROF, 'run', '-q', '-o', out, '--sample-bytes', String(MEAN_BYTES), '--max-samples-per-second', '1000000'],
  ...['--', checkpoints, truth],
];

test(`${OF_RUNS} programs killed under memprof run`, { timeout: 3_600_000 }, async () => {
  for (let round = 0; round < OF_RUNS; round++) {
    const root = scratch();
    const [out, path] = [join(root, 'out'), join(root, 'truth')];
    const memprof = start(process.execPath, run(out, path));
    const { pid } = await waitForTruth(path);
    await delay(Math.random() * 400);
    process.kill(pid, 'SIGKILL');
    const outcome = await memprof.ended;
    expect(outcome).toMatchObject({ status: null, signal: 'SIGKILL', stdout: '' });
    const truth = readTruth(path);
    if (truth === undefined) throw new Error('no truth');
    expect(readManifest(out).program).toMatchObject({ pid, signal: 'SIGKILL' });
    const profile = await buildProfile(out);
    expect(findProblems(profile)).toEqual([]);
    judge(standardErrors(profile, truth, MEAN_BYTES));
    done.killed++;
  }
});

test(`${OF_MEMPROF} times memprof itself is killed`, { timeout: 3_600_000 }, async () => {
  for (let round = 0; round < OF_MEMPROF; round++) {
    const root = scratch();
    const [out, path] = [join(root, 'out'), join(root, 'truth')];
    const memprof = start(process.execPath, run(out, path));
    const { pid } = await waitForTruth(path);
    while (!existsSync(join(out, 'recording.json'))) await delay(20); // from here on there is something to report
    await delay(300 + Math.random() * 400);
    const killed = once(memprof.child, 'exit'); // not the end of its output: the program still holds that
    memprof.child.kill('SIGKILL');
    expect(await killed).toEqual([null, 'SIGKILL']);
    // The program does not notice.
    expect(() => process.kill(pid, 0)).not.toThrow();
    process.kill(pid, 'SIGKILL');
    const report = await runToEnd(process.execPath, [MEMPROF, 'report', out]);
    expect(report).toMatchObject({ status: 0, stderr: '' });
    expect(report.stdout).toMatch(/the recording (has no end|ends before its first snapshot)/);
    const profile = await buildProfile(out);
    expect(findProblems(profile)).toEqual([]);
    expect(profile.processes.map((process) => process.pid)).toEqual([pid]);
    done.ofMemprof++;
  }
});

test('all errors together are those of sampling', () => {
  const { mean, deviation, meanRoom, deviationRoom } = pooled(errors);
  expect(errors.length).toBeGreaterThan(5 * done.killed);
  expect(Math.abs(mean)).toBeLessThan(meanRoom);
  expect(Math.abs(deviation - 1)).toBeLessThan(deviationRoom);
});
