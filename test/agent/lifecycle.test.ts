import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTROL, HEADER } from '../../src/recording/wire.ts';
import {
  type AgentLine,
  agentEnvironment,
  fixture,
  makeFolder,
  makeRunDirectory,
  NODES,
  only,
  readAgentFiles,
  runWithAgent,
  typesOf,
} from './run-agent.ts';

const whole = ['hello', 'maps', 'v8profile', 'exit'];

describe.each(NODES)('the agent on Node $version', ({ major, execPath }) => {
  test('says hello, writes a profile and the exit code', async () => {
    const { lines, stderr } = await runWithAgent(execPath, ['-e', 'process.exitCode = 5']);
    expect(stderr).toBe('');
    expect(typesOf(lines)).toEqual(whole);
    expect(only(lines, 'hello')).toMatchObject({ v8Sampler: 'on', threadId: 0, arch: process.arch });
    expect(only(lines, 'maps').text).toContain(execPath);
    expect(only(lines, 'v8profile')).toMatchObject({
      reason: 'exit',
      depth: 128,
      intervalBytes: 524288,
    });
    expect(only(lines, 'exit').code).toBe(5);
  });

  test.each([
    ['exit in an exit handler', 'exit-in-handler.cjs', 7],
    ['an uncaught exception', 'uncaught-exception.cjs', 1],
    ['an unhandled rejection', 'unhandled-rejection.mjs', 1],
    ['an exit code set in a handler', 'exit-code.cjs', 6],
    ['listeners removed', 'remove-all-listeners.cjs', 0],
    ['patched globals', 'patched-globals.cjs', 0],
    ['a failing exit handler', 'throw-in-exit-handler.cjs', undefined],
  ])('%s: the profile is written', async (_what, program, code) => {
    const { lines } = await runWithAgent(execPath, [fixture(`transparent/${program}`)]);
    expect(typesOf(lines)).toEqual(whole);
    if (code !== undefined) expect(only(lines, 'exit').code).toBe(code);
  });

  test('with V8 off nothing of it is loaded', async () => {
    const script = `console.log(require('fs').readFileSync('/proc/self/maps', 'utf8').includes('dd_pprof'))`;
    const { lines, stdout } = await runWithAgent(execPath, ['-e', script], { control: { v8: false } });
    expect(stdout).toBe('false\n');
    expect(typesOf(lines)).toEqual(['hello', 'maps', 'exit']);
    expect(only(lines, 'hello')).toMatchObject({ v8Sampler: 'off' });
    expect(only(lines, 'hello')).not.toHaveProperty('reason');
  });

  test('freezes the newest store once, at exit', async () => {
    const runDirectory = makeRunDirectory();
    // sh starts node by exec, so that the stores can be there, under its pid, before it.
    const script = 'for n in 0 1; do head -c 4096 /dev/zero > "$MEMPROF_RUN_DIR/$$.$n.store"; done; exec "$0" -e 1';
    const result = await runWithAgent('/bin/sh', ['-c', script, execPath], { runDirectory });
    const frozenAt = (n: number): bigint =>
      readFileSync(join(runDirectory, `${result.pid}.${n}.store`)).readBigUInt64LE(HEADER.frozenAtNs);
    expect(frozenAt(0)).toBe(0n);
    const agoNs = process.hrtime.bigint() - frozenAt(1);
    expect(agoNs > 0n && agoNs < 60_000_000_000n).toBe(true);
  });

  // Started by `env`, a shell or npx, under load: memory of a program that was whole at its exit was reported as freed.
  test('freezes its store where those of programs before it are gone already', async () => {
    const runDirectory = makeRunDirectory();
    const script = 'head -c 4096 /dev/zero > "$MEMPROF_RUN_DIR/$$.11.store"; exec "$0" -e 1';
    const result = await runWithAgent('/bin/sh', ['-c', script, execPath], { runDirectory });
    const store = readFileSync(join(runDirectory, `${result.pid}.11.store`));
    expect(store.readBigUInt64LE(HEADER.frozenAtNs)).toBeGreaterThan(0n);
  });

  test('a second program of the same pid gets a file of its own', async () => {
    const script = `echo '{"type":"theirs"}' > "$MEMPROF_RUN_DIR/$$.0.agent.jsonl"; exec "$0" -e 0`;
    const { pid, files } = await runWithAgent('/bin/sh', ['-c', script, execPath]);
    expect(typesOf(files.get(`${pid}.0.agent.jsonl`) ?? [])).toEqual(['theirs']);
    const second = files.get(`${pid}.1000000.agent.jsonl`) ?? [];
    expect(typesOf(second)).toEqual(whole);
    expect(only(second, 'hello').threadId).toBe(0);
  });

  test('killed: the lines up to then are whole', async () => {
    const runDirectory = makeRunDirectory();
    const child = spawn(execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
      env: agentEnvironment(runDirectory),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect([...readAgentFiles(runDirectory).values()].map(typesOf)).toEqual([['hello', 'maps']]);
  });

  test('a program that a signal ends after a while leaves a profile', async () => {
    const runDirectory = makeRunDirectory();
    const child = spawn(execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: agentEnvironment(runDirectory),
      stdio: 'ignore',
    });
    const lines = (): AgentLine[] => [...readAgentFiles(runDirectory).values()].flat();
    try {
      await expect.poll(() => typesOf(lines()), { timeout: 20_000 }).toContain('v8profile');
    } finally {
      child.kill('SIGINT');
    }
    expect(await once(child, 'close')).toEqual([null, 'SIGINT']);
    expect(only(lines(), 'v8profile').reason).toBe('timer');
  });

  test('writes a profile when memprof asks, with the reason given', async () => {
    const runDirectory = makeRunDirectory();
    const child = spawn(execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
      env: agentEnvironment(runDirectory),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await once(child.stdout, 'data');
      const words = Buffer.alloc(16);
      words.writeBigUInt64LE(1n, 0);
      words.writeBigUInt64LE(3n, 8);
      const page = readFileSync(join(runDirectory, 'control'));
      words.copy(page, CONTROL.snapshotRequest);
      writeFileSync(join(runDirectory, 'control'), page);
      await expect
        .poll(() => [...readAgentFiles(runDirectory).values()].flat().map((line) => line.reason), { timeout: 20_000 })
        .toContain('peak');
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('survives chdir, a read-only folder, another user, and closed stdio', async () => {
    const folder = makeFolder('memprof-agent-cwd-');
    chmodSync(folder, 0o555);
    const becomeNobody = process.getuid?.() === 0 ? 'process.setgid(65534); process.setuid(65534);' : '';
    if (becomeNobody === '') process.stderr.write('not root: the change of user is not tested\n');
    const script = `process.chdir('/'); ${becomeNobody} globalThis.kept = new Array(1e6).fill(0.5)`;
    const stdio = ['ignore', openSync('/dev/null', 'w'), 'ignore'] as const;
    const { lines, code } = await runWithAgent(execPath, ['-e', script], { cwd: folder, stdio: [...stdio] });
    expect(code).toBe(0);
    expect(typesOf(lines)).toEqual(whole);
    const closed = await runWithAgent('/bin/sh', ['-c', 'exec "$0" -e 1 <&- >&- 2>&-', execPath]);
    expect(typesOf(closed.lines)).toEqual(whole);
  });

  test('keeps the NODE_OPTIONS of the user, quotes and spaces included', async () => {
    const folder = makeFolder('memprof agent "quoted" ');
    writeFileSync(join(folder, 'theirs.cjs'), 'globalThis.theirs = true;');
    const quoted = `--require "${join(folder, 'theirs.cjs').replace(/["\\]/g, '\\$&')}" --max-old-space-size=77`;
    const { stdout, lines } = await runWithAgent(execPath, ['-p', 'theirs'], { nodeOptions: quoted });
    expect(stdout).toBe('true\n');
    expect(typesOf(lines)).toEqual(whole);
  });

  test('children and workers have files of their own', async () => {
    const children = await runWithAgent(execPath, [fixture('transparent/children.cjs')]);
    expect(children.files.size).toBe(4);
    for (const lines of children.files.values()) expect(typesOf(lines)).toEqual(whole);
    const workers = await runWithAgent(execPath, [fixture('transparent/workers.mjs')]);
    const byThread = [...workers.files].map(([name, lines]) => [
      only(lines, 'hello').threadId,
      name,
      typesOf(lines).at(-1),
    ]);
    expect(byThread.map(([id]) => id).sort()).toEqual([0, 1, 2, 3, 4, 6, 7]);
    // The fifth has an empty environment, so no MEMPROF_RUN_DIR; the seventh was terminated and could say no more.
    expect(byThread.filter(([, , last]) => last !== 'exit').map(([id]) => id)).toEqual([7]);
  });

  test('the main thread waits for the profiles of workers that it leaves behind', async () => {
    const { files, code } = await runWithAgent(execPath, ['-e', leaveWorkerBehind]);
    expect(code).toBe(3);
    const worker = [...files.values()].find((lines) => only(lines, 'hello').threadId === 1) ?? [];
    expect(typesOf(worker)).toEqual(['hello', 'maps', 'v8profile']);
  });

  test('the permission model: silent, and the program runs', async () => {
    // Node 20, and later ones with -e or -p, refuse to load any --require: there capture has to leave the agent out.
    if (major < 22) return;
    const program = fixture('own-profile/keep-nothing.cjs');
    const { stdout, stderr, code, files } = await runWithAgent(execPath, ['--permission', program]);
    expect({ stdout, stderr, code }).toEqual({ stdout: 'own profile by a flag\n', stderr: '', code: 0 });
    expect(files.size).toBe(0);
    const allowed = await runWithAgent(execPath, ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', program]);
    expect({ code: allowed.code, stdout: allowed.stdout }).toEqual({ code: 0, stdout });
    expect(only(allowed.lines, 'hello')).toMatchObject({
      v8Sampler: 'off',
      reason: expect.stringMatching(/addons|dlopen|loading/i),
    });
  });
});

const leaveWorkerBehind = `
  const { Worker } = require('node:worker_threads');
  const source = 'require("node:worker_threads").parentPort.postMessage(1); setInterval(() => {}, 1000)';
  new Worker(source, { eval: true }).on('message', () => setTimeout(() => process.exit(3), 300));`;
