import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fitsPreload, targetEnvironment } from '../../src/capture/environment.ts';

const injection = { runDirectory: '/dev/shm/x', library: '/opt/m/libmemprof.so', agent: '/opt/m/preload.cjs' };

test('adds three variables and touches nothing else', () => {
  const environment = targetEnvironment({ PATH: '/bin', HOME: '/h' }, injection);
  expect(environment).toEqual({
    PATH: '/bin',
    HOME: '/h',
    MEMPROF_RUN_DIR: '/dev/shm/x',
    LD_PRELOAD: '/opt/m/libmemprof.so',
    NODE_OPTIONS: '--require /opt/m/preload.cjs',
  });
});

test("keeps the user's own, ours first", () => {
  const base = { LD_PRELOAD: 'libjemalloc.so.2 /opt/other.so', NODE_OPTIONS: '--max-old-space-size=99  --title="a b"' };
  const environment = targetEnvironment(base, injection);
  expect(environment.LD_PRELOAD).toBe('/opt/m/libmemprof.so:libjemalloc.so.2:/opt/other.so');
  expect(environment.NODE_OPTIONS).toBe('--require /opt/m/preload.cjs --max-old-space-size=99  --title="a b"');
});

test('a run inside a run replaces the outer one instead of stacking up', () => {
  const once = targetEnvironment({ LD_PRELOAD: '/opt/other.so', NODE_OPTIONS: '--no-warnings' }, injection);
  const twice = targetEnvironment(once, { ...injection, runDirectory: '/dev/shm/y' });
  expect(twice).toEqual({ ...once, MEMPROF_RUN_DIR: '/dev/shm/y' });
});

test('what is absent stays out', () => {
  expect(targetEnvironment({ A: '1' }, { runDirectory: '/r' })).toEqual({ A: '1', MEMPROF_RUN_DIR: '/r' });
});

test('Node takes an agent from a path with blanks, quotes and backslashes', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'quote-test-')), 'a b "c" \\d');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(folder);
  const agent = join(folder, 'agent.cjs');
  writeFileSync(agent, 'process.stdout.write("loaded ");');
  const env = targetEnvironment(
    { PATH: process.env.PATH, NODE_OPTIONS: '--no-warnings' },
    { runDirectory: '/r', agent },
  );
  const output = execFileSync(
    process.execPath,
    ['-p', 'process.execArgv.length + process.env.NODE_OPTIONS.length > 9'],
    { env },
  );
  expect(output.toString()).toBe('loaded true\n');
});

test.each([
  ['/opt/a b/x.so', false],
  ['/opt/a:b/x.so', false],
  ['/opt/ab/x.so', true],
])('%s fits LD_PRELOAD: %s', (path, fits) => expect(fitsPreload(path)).toBe(fits));
