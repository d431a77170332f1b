import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHUNK } from '../../src/recording/chunks.ts';
import { chunk, fileHead } from '../helpers/recording-builder.ts';
import { cleanEnvironment, MEMPROF, memprof, type Outcome, pageOf, runToEnd, scratch } from './run-cli.ts';

const node = process.execPath;
const KEPT_BYTES = 41 * 1_000_003;

let folder: string;
let recording: string;
let ran: Outcome;

beforeAll(async () => {
  folder = join(tmpdir(), `memprof-commands-${process.pid}`);
  recording = join(folder, 'rec');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'keeper.js'),
    `class Keeper { fill() { this.buffers = []; for (let i = 0; i < 41; i++) this.buffers.push(Buffer.alloc(1000003, 1)); } }
     const keeper = new Keeper();
     globalThis.keeper = keeper;
     keeper.fill();
     setTimeout(() => console.log('kept'), 300);`,
  );
  ran = await memprof(['run', '-o', recording, '--', node, join(folder, 'keeper.js')]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('run', () => {
  test('prints the summary on stderr, with our site, and the command to type next', () => {
    expect(ran).toMatchObject({ status: 0, stdout: 'kept\n' });
    expect(ran.stderr).toContain('Biggest sites');
    expect(ran.stderr).toMatch(/fill {2}.*keeper\.js:1/);
    expect(ran.stderr).toMatch(/memprof open \S*rec$/m);
    expect(ran.stderr).not.toContain('\x1b');
    expect(
      Math.max(
        ...ran.stderr
          .split('\n')
          .filter((line) => !line.includes(folder))
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
  });

  test('leaves the recording and three reports', () => {
    expect(
      readdirSync(recording)
        .filter((name) => !name.endsWith('.mpr'))
        .sort(),
    ).toEqual(['profile.pb.gz', 'profile.speedscope.json', 'recording.json', 'summary.json']);
  });

  test('-q prints neither', async () => {
    const { stderr } = await memprof(['run', '-q', '-o', join(folder, 'quiet'), '--', 'true']);
    expect(stderr).toBe('');
  });

  test('colours: FORCE_COLOR turns them on, NO_COLOR wins over a terminal', async () => {
    const run = (env: NodeJS.ProcessEnv) =>
      memprof(['run', '-f', '-o', join(folder, 'coloured'), '--', 'true'], { env: { ...cleanEnvironment(), ...env } });
    expect((await run({ FORCE_COLOR: '1' })).stderr).toContain('\x1b[');
    expect((await run({ NO_COLOR: '1' })).stderr).not.toContain('\x1b[');
  });
});

describe('report', () => {
  test('text, on stdout', async () => {
    const { status, stdout, stderr } = await memprof(['report', recording]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/fill {2}.*keeper\.js:1/);
  });

  test('json: our bytes at our site', async () => {
    const { stdout } = await memprof(['report', '--format', 'json', recording]);
    const { heaps } = JSON.parse(stdout) as { heaps: { name: string; inuse_space: { value: number } }[] };
    const malloc = heaps.find(({ name }) => name === 'libc.malloc')?.inuse_space.value ?? 0;
    expect(malloc).toBeGreaterThan(KEPT_BYTES);
    expect(malloc).toBeLessThan(KEPT_BYTES * 1.25);
  });

  test.each(['site', 'module', 'heap', 'arena', 'thread', 'process'])('--by %s', async (by) => {
    expect(await memprof(['report', '--by', by, recording])).toMatchObject({ status: 0, stderr: '' });
  });

  test('--moment peak', async () => {
    const { status, stdout } = await memprof(['report', '--moment', 'peak', recording]);
    expect(status).toBe(0);
    expect(stdout).toContain('in use at the peak');
  });

  test('pprof into a pipe, and back', async () => {
    const { stdout } = await memprof(['report', '--format', 'pprof', recording]);
    const file = join(folder, 'piped.pb.gz');
    writeFileSync(file, stdout, 'latin1');
    expect(gunzipSync(readFileSync(file)).length).toBeGreaterThan(1000);
    const again = await memprof(['report', '--format', 'folded', file]);
    expect(again.stdout).toContain('fill');
  });

  test('pprof to a terminal is refused', async (context) => {
    if (spawnSync('script', ['--version']).status !== 0) context.skip('needs script(1) of util-linux');
    const command = `'${node}' '${MEMPROF}' report --format pprof '${recording}'`;
    const { status, stdout } = await runToEnd('script', ['-qec', command, '/dev/null']);
    expect(status).toBe(2);
    expect(stdout).toContain('pprof is not for a terminal');
    expect(stdout).toContain('-o profile.pb.gz');
  });

  test('one page, of a recording by report and by ledger, and of a pprof file', async () => {
    const reported = await pageOf('report', recording);
    expect(reported.flame.texts).toContain('Keeper.fill');
    expect(await pageOf('ledger', recording, '--at', '50%')).toEqual({
      ...reported,
      at: reported.durationSeconds / 2,
    });
    const ofFile = await pageOf('report', join(recording, 'profile.pb.gz'));
    expect(ofFile.flame.texts).toContain('Keeper.fill');
  });

  test('no page of a process that nobody recorded', async () => {
    const { status, stderr } = await memprof(['ledger', String(process.pid), '--format', 'html']);
    expect(status).toBe(2);
    expect(stderr).toContain('a page needs a recording');
  });

  test('-o to a pipe or a device writes to it, and leaves it in its place', async () => {
    const pipe = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const reader = runToEnd('cat', [pipe]);
    const { status, stderr } = await memprof(['report', '--format', 'folded', '-o', pipe, recording]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect((await reader).stdout).toContain('Keeper.fill');
    expect([statSync(pipe).isFIFO(), existsSync(`${pipe}.tmp`)]).toEqual([true, false]);
  });

  test('-o: 0600, not over an existing file, unless --force', async () => {
    const file = join(folder, 'out.folded');
    const args = ['report', '--format', 'folded', '-o', file];
    expect(await memprof([...args, recording])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file);
    const second = await memprof([...args, recording]);
    expect(second.status).toBe(2);
    expect(second.stderr).toContain('--force');
    writeFileSync(file, 'old');
    expect((await memprof([...args, '-f', recording])).status).toBe(0);
    expect(readFileSync(file)).toEqual(before);
    const unwritable = await memprof(['report', '-o', '/proc/nope/x', recording]);
    expect(unwritable.status).toBe(2);
    expect(unwritable.stderr).toContain('cannot write /proc/nope/x');
  });

  test('a reader that goes away is no error', async () => {
    const script = `"${node}" "${MEMPROF}" report --format speedscope "${recording}" | head -c 7; echo; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await runToEnd('bash', ['-c', script]);
    expect(stdout.split('\n')[1]).toBe('0');
    expect(stderr).toBe('');
  });

  test('a recording that is cut off shows what is left, and says so', async () => {
    const cut = join(folder, 'cut');
    mkdirSync(cut);
    for (const name of readdirSync(recording)) writeFileSync(join(cut, name), readFileSync(join(recording, name)));
    const [file = ''] = readdirSync(cut).filter((name) => name.endsWith('.mpr'));
    truncateSync(join(cut, file), Math.floor(statSync(join(cut, file)).size / 2));
    const { status, stdout } = await memprof(['report', cut]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/bytes/);
  });
});

describe('open', () => {
  /** Its pages are made under TMPDIR. */
  const inFolder = () => ({ env: { ...cleanEnvironment(), TMPDIR: folder } });

  test('without a browser: the address, on stdout, of a page that is there', async () => {
    const { stdout, status } = await memprof(['open', '--no-browser', recording], inFolder());
    expect(status).toBe(0);
    const url = new URL(stdout.trim());
    const page = fileURLToPath(new URL(url.pathname, 'file://'));
    expect(existsSync(page)).toBe(true);
    expect(url.hash).toContain('localProfilePath=');
  });

  test.each(['profile.pb.gz', 'profile.speedscope.json'])('%s', async (name) => {
    const { stdout, status } = await memprof(['open', '--no-browser', join(recording, name)], inFolder());
    expect(status).toBe(0);
    expect(stdout).toContain(folder);
  });

  test('BROWSER is started with the page, and outlives us', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'browser'), '#!/bin/sh\necho "$1" > seen\n', { mode: 0o755 });
    chmodSync(join(cwd, 'browser'), 0o755);
    const env = { ...inFolder().env, BROWSER: join(cwd, 'browser') };
    const { status, stderr } = await memprof(['open', recording], { cwd, env });
    expect(status).toBe(0);
    expect(stderr).toContain('opened in');
    await expect
      .poll(() => existsSync(join(cwd, 'seen')) && readFileSync(join(cwd, 'seen'), 'utf8'))
      .toMatch(/open\.html\n$/);
  });
});

describe('doctor', () => {
  test('all that this machine needs is here', async () => {
    const { status, stdout } = await memprof(['doctor']);
    expect(stdout).not.toContain('FAIL');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ok {4}trial run of this Node: \d+ native samples, agent answers$/m);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^(ok {4}|warn {2}| {6})\S/);
  });

  test('limits are seen', async () => {
    const { stdout } = await runToEnd('bash', ['-c', `ulimit -f 100000; exec "${node}" "${MEMPROF}" doctor`]);
    expect(stdout).toContain('warn  limits: ulimit -f set');
  });
});

test('report of a file that cannot be read is one line, not a stack', async () => {
  const path = join(folder, 'huge.pb.gz');
  writeFileSync(path, '');
  truncateSync(path, 3 * 2 ** 30); // no disk space is used, and Node reads 2 GiB at most
  const { stderr, status } = await memprof(['report', path]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^memprof: cannot read .*huge\.pb\.gz: .*\n {2}Give a directory/);
});

test('parse says which chunks are too short, and goes on', async () => {
  const path = join(folder, 'short.mpr');
  const types = [CHUNK.region, CHUNK.events, CHUNK.snapshot, CHUNK.gauges];
  writeFileSync(path, Buffer.concat([fileHead(), ...types.map((type) => chunk(type, Buffer.alloc(3)))]));
  const { stdout, status } = await memprof(['parse', path]);
  expect(status).toBe(0);
  expect(stdout.match(/"problem":"too short"/g)).toHaveLength(types.length);
  expect(stdout).toContain('"reason":"complete"');
});

test('parse prints a line for each chunk, and whether it got to the end', async () => {
  const [file = ''] = readdirSync(recording).filter((name) => name.endsWith('.mpr'));
  const { stdout, status } = await memprof(['parse', join(recording, file)]);
  expect(status).toBe(0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ type: 'PROCESS', json: { name: 'node' } });
  expect(lines.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['REGION', 'EVENTS', 'SNAPSHOT', 'SYMBOLS', 'END']),
  );
  expect(lines.at(-1)).toEqual({ reason: 'complete', unreadBytes: 0 });
});
