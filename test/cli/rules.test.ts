import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memprof, scratch } from './run-cli.ts';

const RECORDING = fileURLToPath(new URL('../../fixtures/recordings/node-24-kv-cache', import.meta.url));

const config = (...rules: readonly object[]): string => JSON.stringify({ version: 1, rules });
const CACHE = { name: 'the cache', match: { script: 'kv-cache.mjs' }, pool: 'kv', arena: 'demo:kv' };
const NEVER = { name: 'nothing has this', match: { package: 'no-such-package' }, pool: 'x' };

/** A folder with a configuration file. */
function folderWith(text: string): string {
  const folder = scratch();
  writeFileSync(join(folder, 'memprof.config.json'), text);
  return folder;
}

describe('memprof rules test', () => {
  it('says what each rule matched, and which of the own ones matched nothing', async () => {
    const { status, stdout } = await memprof(['rules', 'test', RECORDING], { cwd: folderWith(config(CACHE, NEVER)) });
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^Rules of memprof\.config\.json .*\nthe cache +[\d.]+ MiB +[\d.]+ % +[\d,]+\n {2}kv > demo:kv\n/m,
    );
    expect(stdout).toContain('nothing has this  matched nothing\n');
    expect(stdout).toMatch(/^unknown +/m);
  });

  it('shows the call paths that no rule knows', async () => {
    const { stdout } = await memprof(['rules', 'test', RECORDING], { cwd: scratch() });
    expect(stdout).toContain('No rules of your own: there is no memprof.config.json here or above.\n');
    expect(stdout).toMatch(/^V8's own objects and pages +[\d.]+ MiB/m);
  });

  it('takes a recording only', async () => {
    const file = join(folderWith(config()), 'memprof.config.json');
    expect(await memprof(['rules', 'test', file])).toMatchObject({ status: 2 });
    expect(await memprof(['rules', 'test', '/no/such/folder'])).toMatchObject({ status: 2 });
    expect(await memprof(['rules', 'test', RECORDING, '--moment', 'never'])).toMatchObject({ status: 2 });
    expect(await memprof(['rules'])).toMatchObject({ status: 2 });
  });
});

describe('memprof.config.json', () => {
  const pools = async (cwd: string, ...more: string[]): Promise<string> => {
    const { status, stdout, stderr } = await memprof(['report', RECORDING, '--by', 'pool', ...more], { cwd });
    return status === 0 ? stdout : `${status}: ${stderr}`;
  };

  it('is the nearest one, from the working directory upwards, or what --config names', async () => {
    const outer = folderWith(config({ ...CACHE, pool: 'outer-pool' }));
    const inner = join(outer, 'a/b');
    mkdirSync(inner, { recursive: true });
    expect(await pools(inner)).toContain('outer-pool');
    writeFileSync(join(outer, 'a/memprof.config.json'), config({ ...CACHE, pool: 'inner-pool' }));
    const nearer = await pools(inner);
    expect(nearer).toContain('inner-pool');
    expect(nearer).not.toContain('outer-pool');
    expect(await pools(inner, '--config', join(outer, 'memprof.config.json'))).toContain('outer-pool');
  });

  it('with a typo: path, line, column, and the nearest key; exit code 2', async () => {
    const folder = folderWith('{\n  "version": 1,\n  "rules": [{ "name": "a", "mach": {}, "pool": "p" }]\n}\n');
    const told = 'memprof.config.json:3:28: there is no key "mach"; did you mean "match"?';
    expect(await pools(folder)).toBe(
      `2: memprof: ${told}\n  docs/how-to/write-rules.md and docs/how-to/gate-memory-in-ci.md show what such a file may say.\n`,
    );
    expect(await memprof(['rules', 'test', RECORDING], { cwd: folder })).toMatchObject({ status: 2 });
  });

  it('that is broken and was found by chance costs a run its rules and a line', async () => {
    const folder = folderWith('{ "version": 9 }');
    const program = ['--', process.execPath, '-e', 'process.exitCode = 3'];
    const run = await memprof(['run', '-q', '-o', 'out', ...program], { cwd: folder });
    expect(run.status).toBe(3);
    expect(run.stderr).toContain('memprof.config.json:1:14: version 9 is not known');
    expect(run.stderr.match(/memprof\.config\.json/g)).toHaveLength(1);
    expect(existsSync(join(folder, 'out/summary.json'))).toBe(true);
  });

  it('that is broken and was asked for stops a run before the program starts', async () => {
    const folder = folderWith('[');
    const program = ['--', process.execPath, '-e', 'console.log("started")'];
    for (const path of ['memprof.config.json', 'no-such-file.json']) {
      const run = await memprof(['run', '-q', '--config', path, ...program], { cwd: folder });
      expect(run).toMatchObject({ status: 125, stdout: '' });
      expect(run.stderr).toContain(path);
    }
  });

  it('names the arenas in the reports of a run', async () => {
    const folder = folderWith(config({ name: 'mine', match: { heap: 'libc.malloc' }, pool: 'everything' }));
    const run = await memprof(['run', '-o', 'out', '--', process.execPath, '-e', '0'], { cwd: folder });
    expect(run.status).toBe(0);
    expect((await memprof(['report', 'out', '--by', 'pool'], { cwd: folder })).stdout).toContain('everything');
    const pprof = await memprof(['report', 'out/profile.pb.gz', '--by', 'pool'], { cwd: folder });
    expect(pprof.stdout).toContain('everything');
  });
});
