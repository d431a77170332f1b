import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { memprof, scratch } from './run-cli.ts';

/** What went wrong and what to try: two lines at most, and never a stack. */
function expectMessage(stderr: string, what: string, hint: string): void {
  expect(stderr).toContain(what);
  expect(stderr).toContain(hint);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
}

describe('run', () => {
  test('127: the command is not there', async () => {
    const { status, stderr, stdout } = await memprof(['run', '--', 'no-such-command-7919'], { cwd: scratch() });
    expect(status).toBe(127);
    expectMessage(stderr, 'memprof: command not found: no-such-command-7919', 'PATH');
    expect(stdout).toBe('');
  });

  test('127: a command line in one word', async () => {
    const { status, stderr } = await memprof(['run', 'node server.js'], { cwd: scratch() });
    expect(status).toBe(127);
    expectMessage(stderr, 'not found', 'memprof run -- node server.js');
  });

  test('127: a script in this folder without its interpreter', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'server.js'), '');
    const { status, stderr } = await memprof(['run', 'server.js'], { cwd });
    expect(status).toBe(127);
    expectMessage(stderr, 'not found', 'memprof run -- node server.js');
  });

  test('127: the interpreter of a script is not there', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'tool'), '#!/no/such/interpreter\n', { mode: 0o755 });
    expect((await memprof(['run', './tool'], { cwd })).status).toBe(127);
  });

  test('126: no execute permission', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'server.js'), '');
    chmodSync(join(cwd, 'server.js'), 0o644);
    const { status, stderr } = await memprof(['run', './server.js'], { cwd });
    expect(status).toBe(126);
    expectMessage(stderr, 'cannot execute ./server.js', 'memprof run -- node ./server.js');
  });

  test('126: a directory', async () => {
    const cwd = scratch();
    mkdirSync(join(cwd, 'server'));
    const { status, stderr } = await memprof(['run', './server'], { cwd });
    expect(status).toBe(126);
    expectMessage(stderr, 'it is a directory', '');
  });

  test.each([
    [['--sample-bytes', '3x'], '--sample-bytes "3x": is not a size', '64k'],
    [['--sample-bytes', '1'], '--sample-bytes "1": is out of range; 256 bytes to 1 GiB', ''],
    [['--snapshot-every', '-1'], '--snapshot-every "-1": is not a whole number', ''],
    [['--max-samples-per-second', '0'], '--max-samples-per-second "0": is out of range', ''],
    [['--v8-interval', '9000G'], '--v8-interval "9000G": is out of range', ''],
    [['--nope'], "unknown option '--nope'", '--help'],
    [['--sample-byte', '64k'], 'Did you mean --sample-bytes?', '--help'],
  ])('125: %j, and the program does not start', async (flags, what, hint) => {
    const { status, stderr, stdout } = await memprof(['run', ...flags, '--', 'echo', 'started'], { cwd: scratch() });
    expect(status).toBe(125);
    expectMessage(stderr, what, hint);
    expect(stdout).toBe('');
  });

  test('125: no command', async () => {
    const { status, stderr } = await memprof(['run']);
    expect(status).toBe(125);
    expectMessage(stderr, "missing required argument 'command'", '--help');
  });
});

describe('the other commands', () => {
  test.each([
    [['nope'], "unknown command 'nope'", '--help'],
    [['reprot', 'x'], 'Did you mean report?', '--help'],
    [['--nope'], "unknown option '--nope'", '--help'],
    [['report'], "missing required argument 'source'", '--help'],
    [['report', '/no/such/place'], 'cannot read /no/such/place', 'memprof run'],
    [['report', '--format', 'xml', '/'], '--format "xml": is not one of text, json, pprof', '--help'],
    [['report', '--by', 'colour', '/'], '--by "colour": is not one of site, module', '--help'],
    [['report', '--moment', 'noon', '/'], '--moment "noon": is not one of end, peak', '--help'],
    [['open', '/no/such/place'], 'cannot read /no/such/place', 'memprof run'],
  ])('2: %j', async (args, what, hint) => {
    const { status, stderr, stdout } = await memprof(args);
    expect(status).toBe(2);
    expectMessage(stderr, what, hint);
    expect(stdout).toBe('');
  });

  test('2: a file that is no profile', async () => {
    const file = join(scratch(), 'profile.pb.gz');
    writeFileSync(file, 'not a profile');
    const { status, stderr } = await memprof(['report', file]);
    expect(status).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('0: --help names every command and has examples, --version is one line', async () => {
    const help = await memprof(['--help']);
    expect(help.status).toBe(0);
    for (const word of ['run', 'report', 'open', 'doctor', 'Examples:', 'memprof run -- node server.js']) {
      expect(help.stdout).toContain(word);
    }
    expect(Math.max(...help.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const version = await memprof(['--version']);
    expect(version).toMatchObject({ status: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
