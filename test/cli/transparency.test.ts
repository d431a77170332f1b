import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cleanEnvironment, MEMPROF, memprof, readManifest, runToEnd, scratch } from './run-cli.ts';

const node = process.execPath;

/** Programs of every kind of end and output. Each prints something that a slip would change. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'an exit status': ['sh', '-c', 'echo out; exit 7'],
  'bytes that are no text': ['sh', '-c', "printf '\\377\\000\\001\\r\\n\\033[2K'"],
  'a copy of its input': ['cat'],
  'a pipeline': ['sh', '-c', 'seq 1 9973 | sort -r | tail -n 3'],
  'nothing at all': ['true'],
  'process.exit in an exit handler': [node, '-e', "process.on('exit', () => process.exit(41)); console.log('x')"],
  'exitCode set': [node, '-e', "process.exitCode = 3; console.log('x')"],
  'an uncaught exception': [node, '-e', "console.log('x'); throw new RangeError('thrown here')"],
  'an unhandled rejection': [node, '-e', "Promise.reject(new Error('rejected here'))"],
  'an abort': [node, '-e', "console.log('x'); process.abort()"],
  'a segmentation fault': ['sh', '-c', 'echo x; kill -SEGV $$'],
  'a kill -9': ['sh', '-c', 'echo x; kill -KILL $$'],
  'a kill -TERM': ['sh', '-c', 'echo x; kill -TERM $$'],
  'a megabyte of output': [node, '-e', "process.stdout.write('0123456789'.repeat(104729))"],
  'worker threads': [
    node,
    '-e',
    `const { Worker } = require('worker_threads');
     for (let i = 0; i < 3; i++) new Worker('require("worker_threads").parentPort.postMessage(Buffer.alloc(70001).length)', { eval: true })
       .on('message', (m) => console.log(m)).on('exit', (c) => console.log('exit', c));`,
  ],
  'an ES module from stdin': [
    node,
    '--input-type=module',
    '-e',
    "import fs from 'node:fs'; console.log(typeof fs.readFileSync)",
  ],
  'its own arguments': [node, '-p', 'JSON.stringify(process.argv.slice(1))', '--', '--output', '--', 'a b', ''],
};

describe('stdout and the end of a program are its own', () => {
  test.each(Object.entries(PROGRAMS))('%s', async (_name, [command = '', ...args]) => {
    const cwd = scratch();
    const input = 'line one\nline two\n';
    const plain = await runToEnd(command, args, { cwd, input });
    const profiled = await memprof(['run', '-o', join(cwd, 'out'), '--', command, ...args], { cwd, input });
    expect({ status: profiled.status, signal: profiled.signal }).toEqual({
      status: plain.status,
      signal: plain.signal,
    });
    expect(sorted(profiled.stdout)).toBe(sorted(plain.stdout));
    // What the program says on stderr is there, between our lines. Aborts print addresses, which differ.
    const firstWords = plain.stderr.split('\n').filter((line) => /Error: |here/.test(line));
    for (const line of firstWords) expect(profiled.stderr).toContain(line);
    expect(readManifest(join(cwd, 'out')).program).toMatchObject({ signal: plain.signal, exitCode: plain.status });
  });
});

/** Workers print in any order. */
function sorted(text: string): string {
  return text.split('\n').sort().join('\n');
}

test('a shell sees the same status', async () => {
  const cwd = scratch();
  const script = `"${node}" "${MEMPROF}" run -q -o out -- sh -c 'kill -INT $$'; echo "status $?"`;
  expect((await runToEnd('bash', ['-c', script], { cwd })).stdout).toMatch(/^(status 130\n)?$/);
  const segv = `"${node}" "${MEMPROF}" run -q -o out2 -- sh -c 'kill -SEGV $$'; echo "status $?"`;
  expect((await runToEnd('sh', ['-c', segv], { cwd })).stdout).toBe('status 139\n');
});

test.each([
  ['PIPE', 141],
  ['USR1', 138],
])('SIG%s, of which Node cannot die, becomes the status that a shell would show', async (signal, status) => {
  const outcome = await memprof(['run', '-q', '--', 'sh', '-c', `kill -${signal} $$`], { cwd: scratch() });
  expect(outcome).toMatchObject({ status, signal: null });
});

test('the environment of the program is the given one and our three variables', async () => {
  const cwd = scratch();
  const show = [node, '-p', 'JSON.stringify(process.env)'];
  const env = { ...cleanEnvironment(), MINE: ' a=b "c"\n', EMPTY: '', NODE_OPTIONS: '--no-warnings' };
  const plain = JSON.parse((await runToEnd(node, show.slice(1), { cwd, env })).stdout);
  const profiled = JSON.parse((await memprof(['run', '-q', '--', ...show], { cwd, env })).stdout);
  expect(profiled.MEMPROF_RUN_DIR).toMatch(/memprof-\d+-\d+-\w{6}$/);
  expect(profiled.LD_PRELOAD).toMatch(/\/libmemprof\.so$/);
  expect(profiled.NODE_OPTIONS).toMatch(/ ?--no-warnings$/);
  delete profiled.MEMPROF_RUN_DIR;
  delete profiled.LD_PRELOAD;
  expect({ ...profiled, NODE_OPTIONS: '--no-warnings' }).toEqual(plain);
});

test('open files are handed down, as <(...) of a shell needs', async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, 'seven'), 'from seven\n');
  const script = `"${node}" "${MEMPROF}" run -q -o out -- sh -c 'cat "$0"; cat <&7; : >&9' <(echo from a shell) 7<seven 9>nine`;
  const { stdout, status } = await runToEnd('bash', ['-c', script], { cwd });
  expect(stdout).toBe('from a shell\nfrom seven\n');
  expect(status).toBe(0);
});

test('the flags of shared files stay as they are: O_NONBLOCK on a pipe would make the program lose output', async () => {
  const cwd = scratch();
  const show = 'sleep 1.5; for fd in 0 1 2; do grep flags /proc/$$/fdinfo/$fd; done';
  const plain = await runToEnd('bash', ['-c', `: | sh -c '${show}' 2>&1 | cat`], { cwd });
  const script = `: | "${node}" "${MEMPROF}" run -q -o /proc/nope/out -- sh -c '${show}' 2>&1 | cat`;
  const { stdout } = await runToEnd('bash', ['-c', script], { cwd });
  expect(plain.stdout).toMatch(/^(flags:\s+0\d*\n){3}$/);
  expect(stdout).toContain('cannot be written'); // we wrote to the pipe before
  expect(stdout.split('\n').filter((line) => line.startsWith('flags'))).toEqual(plain.stdout.trim().split('\n'));
});

test('a stderr that nobody reads any more', async () => {
  const cwd = scratch();
  const script = `"${node}" "${MEMPROF}" run -o /proc/nope/out -- sh -c 'sleep 0.4; echo out; exit 7' 2> >(exec true); echo "status $?"`;
  expect((await runToEnd('bash', ['-c', script], { cwd })).stdout).toBe('out\nstatus 7\n');
});

test('a run inside a run: each records its own program', async () => {
  const cwd = scratch();
  const inner = [node, MEMPROF, 'run', '-q', '-o', join(cwd, 'inner'), '--', 'sh', '-c', 'echo deep; exit 5'];
  const { status, stdout } = await memprof(['run', '-q', '-o', join(cwd, 'outer'), '--', ...inner], { cwd });
  expect({ status, stdout }).toEqual({ status: 5, stdout: 'deep\n' });
  expect(readManifest(join(cwd, 'inner')).program).toMatchObject({ name: 'sh', exitCode: 5 });
  expect(readManifest(join(cwd, 'outer')).program).toMatchObject({ exitCode: 5 });
});
