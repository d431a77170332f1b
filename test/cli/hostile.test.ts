import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MEMPROF, memprof, readManifest, runToEnd, scratch } from './run-cli.ts';

const node = process.execPath;
const root = fileURLToPath(new URL('../..', import.meta.url));
const isRoot = process.getuid?.() === 0;
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
const ECHO = [node, '-e', "console.log('ran'); process.exitCode = 13; const keep = Buffer.alloc(7000003, 1)"];

/** One warning that says what is missing; the program's output and status are untouched. */
function expectRan(
  { status, stdout, stderr }: { status: number | null; stdout: string; stderr: string },
  warning: RegExp,
): void {
  expect({ status, stdout }).toEqual({ status: 13, stdout: 'ran\n' });
  expect(stderr.split('\n').filter((line) => warning.test(line))).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at /m);
}

describe('an output that cannot be had', () => {
  test('not writable: the recording goes elsewhere', async () => {
    const cwd = scratch();
    const outcome = await memprof(['run', '-o', '/proc/nope/out', '--', ...ECHO], {
      cwd,
      env: { ...process.env, TMPDIR: cwd },
    });
    expectRan(outcome, /\/proc\/nope\/out cannot be written \(ENOENT\): recording to /);
    const folder = readdirSync(cwd).find((name) => name.startsWith('out-')) ?? 'none';
    expect(readManifest(join(cwd, folder)).notices.map(({ code }) => code)).toContain('OUTPUT_ELSEWHERE');
  });

  test('a file in its place', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'out'), 'mine');
    expectRan(
      await memprof(['run', '-o', 'out', '--', ...ECHO], { cwd }),
      /out cannot be written \(E\w+\): recording to /,
    );
  });

  test('an older recording: kept, unless --force replaces it and nothing else', async () => {
    const cwd = scratch();
    await memprof(['run', '-q', '-o', 'out', '--', ...ECHO], { cwd });
    const first = readManifest(join(cwd, 'out'));
    writeFileSync(join(cwd, 'out', 'notes.txt'), 'mine');
    expectRan(
      await memprof(['run', '-o', 'out', '--', ...ECHO], { cwd }),
      /out already holds a recording \(--force replaces it\)/,
    );
    expect(readManifest(join(cwd, 'out'))).toEqual(first);
    const forced = await memprof(['run', '-f', '-o', 'out', '--', ...ECHO], { cwd });
    expect(forced.stderr).not.toContain('recording to');
    const files = readdirSync(join(cwd, 'out'));
    expect(files).toContain('notes.txt');
    expect(files.filter((file) => file.endsWith('.mpr'))).toEqual(readManifest(join(cwd, 'out')).files);
  });

  test('a folder of somebody with other files in it', async () => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'thesis.txt'), 'mine');
    expectRan(await memprof(['run', '-o', '.', '--', ...ECHO], { cwd }), /\. is not empty \(--force replaces it\)/);
  });

  test('a folder that is not there yet, with blanks in its name', async () => {
    const cwd = scratch();
    const { status } = await memprof(['run', '-q', '-o', 'a b/c d', '--', ...ECHO], { cwd });
    expect(status).toBe(13);
    expect(readManifest(join(cwd, 'a b/c d')).program.exitCode).toBe(13);
  });
});

describe('no space', () => {
  const inNamespace = (script: string, args: readonly string[]) =>
    runToEnd('unshare', ['-rm', 'sh', '-c', script, ...args]);
  const RUN = 'exec "$@"';

  test('none at all on /dev/shm: another folder serves', async (context) => {
    if (!canMount) context.skip('needs unshare(1) with user namespaces');
    const out = join(scratch(), 'out');
    const script = `mount -t tmpfs -o size=4k tmpfs /dev/shm && ${RUN}`;
    const outcome = await inNamespace(script, ['sh', node, MEMPROF, 'run', '-q', '-o', out, '--', ...ECHO]);
    expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n' });
    expect(readManifest(out).files.length).toBe(1);
  });

  test('little on /dev/shm: the program runs to its end', async (context) => {
    if (!canMount) context.skip('needs unshare(1) with user namespaces');
    const out = join(scratch(), 'out');
    const script = `mount -t tmpfs -o size=64k tmpfs /dev/shm && ${RUN}`;
    const outcome = await inNamespace(script, ['sh', node, MEMPROF, 'run', '-q', '-o', out, '--', ...ECHO]);
    expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n' });
  });

  test('a full disk under the recording: one warning', async (context) => {
    if (!canMount) context.skip('needs unshare(1) with user namespaces');
    const out = join(scratch(), 'out');
    mkdirSync(out);
    const script = `mount -t tmpfs -o size=32k tmpfs "$0" && ${RUN}`;
    const outcome = await inNamespace(script, [out, node, MEMPROF, 'run', '-q', '-o', out, '--', ...ECHO]);
    expectRan(outcome, /part of the recording could not be written to .*: ENOSPC/);
  });

  test('ulimit -f: one warning', async () => {
    const cwd = scratch();
    const script = `ulimit -f 16; exec "$@"`;
    const outcome = await runToEnd(
      'bash',
      ['-c', script, 'bash', node, MEMPROF, 'run', '-q', '-o', 'out', '--', ...ECHO],
      { cwd },
    );
    expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n' });
    expect(outcome.stderr).toMatch(/EFBIG|ulimit -f/);
  });
});

describe('a machine with less', () => {
  const inNamespace = (script: string, out: string) => {
    const command = [node, MEMPROF, 'run', '-q', '-o', out, '--', ...ECHO];
    return runToEnd('unshare', ['-rm', 'sh', '-c', `${script} && exec "$@"`, 'sh', ...command], { cwd: scratch() });
  };

  test('no /proc: everything is recorded but RSS', async (context) => {
    if (!canMount) context.skip('needs unshare(1) with user namespaces');
    const out = join(scratch(), 'out');
    const outcome = await inNamespace('mount -t tmpfs tmpfs /proc', out);
    expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n', stderr: '' });
    expect((await memprof(['report', '--format', 'folded', out])).stdout).toMatch(/Buffer.* \d{7}$/m);
  });

  test('a root that cannot be written to, as of containers', async (context) => {
    if (!canMount) context.skip('needs unshare(1) with user namespaces');
    const onTmpfs = mkdtempSync('/dev/shm/read-only-root-');
    try {
      const out = join(onTmpfs, 'out');
      const outcome = await inNamespace(`mount -o remount,bind,ro / && ! mkdir "${scratch()}/x" 2>&-`, out);
      expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n', stderr: '' });
      expect(readManifest(out).files.length).toBe(1);
      expect(readdirSync(out)).toContain('profile.pb.gz');
    } finally {
      rmSync(onTmpfs, { recursive: true });
    }
  });

  test('transparent huge pages asked of malloc', async () => {
    const out = join(scratch(), 'out');
    const env = { ...process.env, GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
    const outcome = await memprof(['run', '-q', '-o', out, '--', ...ECHO], { env });
    expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n', stderr: '' });
    expect((await memprof(['report', '--format', 'folded', out])).stdout).toMatch(/Buffer.* \d{7}$/m);
  });
});

describe('programs that cannot be sampled', () => {
  test('statically linked', async (context) => {
    const cwd = scratch();
    writeFileSync(join(cwd, 'p.c'), 'int main(void) { return 13; }');
    const built = spawnSync('cc', ['-static', '-o', join(cwd, 'program'), join(cwd, 'p.c')]);
    if (built.status !== 0) context.skip('needs a C compiler and a static libc');
    const { status, stderr } = await memprof(['run', '-q', '-o', 'out', '--', './program'], { cwd });
    expect(status).toBe(13);
    expect(stderr).toMatch(/^memprof: no native samples: program is statically linked/m);
  });

  test('set-user-ID', async (context) => {
    if (!isRoot) context.skip('needs root');
    const cwd = scratch();
    copyFileSync('/bin/true', join(cwd, 'program'));
    chownSync(join(cwd, 'program'), 65534, 65534);
    chmodSync(join(cwd, 'program'), 0o4755);
    const { status, stderr } = await memprof(['run', '-q', '-o', 'out', '--', './program'], { cwd });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^memprof: no native samples: program is set-user-ID/m);
  });

  test('with a loader that is not glibc', async () => {
    const cwd = scratch();
    // sh with another loader written over its own: the kernel refuses it, and we must say what env(1) would.
    const bytes = execFileSync('cat', ['/bin/sh']);
    const at = bytes.indexOf('/lib64/ld-linux-x86-64.so.2');
    bytes.write('/lib/ld-musl-nowhere.so.1\0\0', at, 'latin1');
    writeFileSync(join(cwd, 'program'), bytes, { mode: 0o755 });
    const { stderr, status } = await memprof(['run', '-q', '-o', 'out', '--', './program'], { cwd });
    expect(stderr).toContain('cannot start ./program');
    expect(status).toBe(127);
  });
});

describe('an installation that lacks something', () => {
  function installWithout(...missing: string[]): string {
    const folder = join(scratch(), 'node_modules', 'mem prof');
    mkdirSync(folder, { recursive: true });
    for (const part of ['bin', 'dist', 'package.json', 'native/build']) {
      if (!missing.includes(part)) cpSync(join(root, part), join(folder, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return folder;
  }

  test('no native sampler', async () => {
    const folder = installWithout('native/build');
    const args = [join(folder, 'bin/memprof.js'), 'run', '-q', '-o', join(folder, 'out'), '--', ...ECHO];
    expectRan(
      await runToEnd(node, args),
      /no native samples: libmemprof\.so for linux-\w+-glibc is not here; .*npm rebuild/,
    );
  });

  test('a path with a blank: LD_PRELOAD cannot name it, and the sampler works all the same', async () => {
    const folder = installWithout();
    const args = [join(folder, 'bin/memprof.js'), 'run', '-q', '-o', join(folder, 'out'), '--', ...ECHO];
    const outcome = await runToEnd(node, args);
    expect(outcome).toMatchObject({ status: 13, stdout: 'ran\n' });
    expect(outcome.stderr).not.toContain('ld.so');
    expect(readManifest(join(folder, 'out')).files.length).toBe(1);
  });
});
