import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { MEMPROF, memprof, readManifest, runToEnd, scratch, start } from './run-cli.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const;

const ESC = String.fromCharCode(27);
const BELL = String.fromCharCode(7);
const TITLES = new RegExp(`${ESC}\\]2;[^${BELL}]*${BELL}`, 'g');

/** Counts a signal for a while after the first, then says how often it came. */
function counter(signal: string): string {
  return `
    let count = 0;
    process.on('${signal}', () => {
      if (++count === 1) setTimeout(() => { console.log('got ' + count); process.exit(23); }, 400);
    });
    setInterval(() => undefined, 1000);
    console.log('ready');`;
}

function startCounter(signal: string, folder: string) {
  const args = [MEMPROF, 'run', '-q', '-o', join(folder, 'out'), '--', process.execPath, '-e', counter(signal)];
  return start(process.execPath, args, { detached: true });
}

describe.each(SIGNALS)('%s', (signal) => {
  test('sent to memprof alone reaches the program exactly once', async () => {
    const folder = scratch();
    const running = startCounter(signal, folder);
    await running.prints('ready');
    running.child.kill(signal);
    const { status, stdout } = await running.ended;
    expect(stdout).toBe('ready\ngot 1\n');
    expect(status).toBe(23);
    expect(readManifest(join(folder, 'out')).program.exitCode).toBe(23);
  });

  test('sent to the whole process group reaches the program exactly once', async () => {
    const folder = scratch();
    const running = startCounter(signal, folder);
    await running.prints('ready');
    if (running.child.pid === undefined) throw new Error('no pid');
    process.kill(-running.child.pid, signal);
    const { status, stdout } = await running.ended;
    expect(stdout).toBe('ready\ngot 1\n');
    expect(status).toBe(23);
  });
});

test('a program that signals its whole group as soon as it runs gets the signal exactly once', async () => {
  const script = "n=0; trap 'n=$((n+1))' INT; kill -INT 0; sleep 0.2 & wait; wait; echo got $n";
  for (let round = 0; round < 5; round++) {
    const args = [MEMPROF, 'run', '-q', '-o', join(scratch(), 'out'), '--', '/bin/sh', '-c', script];
    const running = start(process.execPath, args, { detached: true });
    expect(await running.ended).toMatchObject({ status: 0, stdout: 'got 1\n' });
  }
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'a program that %s ends: so ends memprof, with a recording',
  async (signal) => {
    const folder = scratch();
    const script = "setInterval(() => undefined, 1000); console.log('ready');";
    const args = [MEMPROF, 'run', '-o', join(folder, 'out'), '--', process.execPath, '-e', script];
    const running = start(process.execPath, args, { detached: true });
    await running.prints('ready');
    running.child.kill(signal);
    expect(await running.ended).toMatchObject({ status: null, signal, stdout: 'ready\n' });
    const manifest = readManifest(join(folder, 'out'));
    expect(manifest.program).toMatchObject({ exitCode: null, signal });
    expect(manifest.endedAtNs).toBeDefined();
  },
);

test('two signals one after the other are two signals', async () => {
  const folder = scratch();
  const script = `
    let count = 0;
    process.on('SIGINT', () => { console.log('int ' + ++count); if (count === 2) process.exit(0); });
    setInterval(() => undefined, 1000);
    console.log('ready');`;
  const args = [MEMPROF, 'run', '-q', '-o', join(folder, 'out'), '--', process.execPath, '-e', script];
  const running = start(process.execPath, args, { detached: true });
  await running.prints('ready');
  running.child.kill('SIGINT');
  await running.prints('int 1');
  running.child.kill('SIGINT');
  expect((await running.ended).stdout).toBe('ready\nint 1\nint 2\n');
});

test('SIGINT while the reports are written ends memprof, and the recording is whole', async () => {
  const out = join(scratch(), 'out');
  const args = [MEMPROF, 'run', '-o', out, '--', process.execPath, '-e', 'setTimeout(() => {}, 300)'];
  const running = start(process.execPath, args, { detached: true });
  const isRecorded = (): boolean =>
    existsSync(join(out, 'recording.json')) && readManifest(out).endedAtNs !== undefined;
  while (!isRecorded()) await new Promise((resolve) => setTimeout(resolve, 2));
  // Signals are restored right after the manifest: one that comes before goes to a program that has ended.
  while (running.child.signalCode === null && running.child.exitCode === null) {
    running.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await running.ended).toMatchObject({ status: null, signal: 'SIGINT' });
  expect(readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  const report = await memprof(['report', out]);
  expect(report).toMatchObject({ status: 0 });
  expect(report.stdout).toContain('By heap');
});

const hasScript = spawnSync('script', ['--version']).status === 0;

describe('on a terminal', () => {
  test('Ctrl-C reaches the program exactly once, and the report is written', async (context) => {
    if (!hasScript) context.skip('needs script(1) of util-linux');
    const folder = scratch();
    const program = `'${process.execPath}' '${join(folder, 'count.js')}'`;
    // exec: script's own shell is of the terminal's group too, and dash would die of the signal in our place.
    const command = `exec '${process.execPath}' '${MEMPROF}' run -o '${join(folder, 'out')}' -- ${program}`;
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(folder, 'count.js'), counter('SIGINT'));
    const running = start('script', ['-qec', command, '/dev/null'], { detached: true });
    await running.prints('ready');
    running.child.stdin?.write('\x03');
    const { status, stdout } = await running.ended;
    expect(stdout).toContain('got 1');
    expect(status).toBe(23);
    expect(readManifest(join(folder, 'out')).program.exitCode).toBe(23);
  });

  test('the live figures stay in the title, off the screen, and the summary follows', async (context) => {
    if (!hasScript) context.skip('needs script(1) of util-linux');
    const folder = scratch();
    // Tokens without a newline: nobody may write into the line.
    const script =
      'let n = 0; const t = setInterval(() => { process.stdout.write("tok "); if (++n === 15) clearInterval(t); }, 100)';
    const program = `'${process.execPath}' -e '${script}'`;
    const command = `'${process.execPath}' '${MEMPROF}' run -o '${join(folder, 'out')}' -- ${program}`;
    const { stdout, status } = await runToEnd('script', ['-qec', command, '/dev/null']);
    expect(status).toBe(0);
    expect(stdout).toContain(`${ESC}]2;memprof[`);
    // A slow machine sees the reports being written: after the program's end memprof may use the line.
    const [screen = ''] = stripVTControlCharacters(stdout.replaceAll(TITLES, '')).split(
      /\S?memprof: resolving|memprof {2}node/,
    );
    expect(screen.trim()).toBe('tok '.repeat(15).trim());
    const times = (sequence: string) => stdout.split(ESC + sequence).length - 1;
    expect({ kept: times('[22;2t'), restored: times('[23;2t') }).toEqual({ kept: 1, restored: 1 });
    expect(stdout).toContain('memprof open');
  });
});
