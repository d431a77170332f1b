/** native/build.mjs: one compiler call, or one line that says what is missing. Run in a copy of native/. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { REPOSITORY } from './store.ts';

const copy = mkdtempSync(join(tmpdir(), 'memprof-build-'));
const output = join(copy, 'build/linux-x64-glibc/libmemprof.so');
afterAll(() => rmSync(copy, { recursive: true, force: true }));

beforeEach(() => {
  for (const name of ['build', 'prebuilt', 'src']) rmSync(join(copy, name), { recursive: true, force: true });
  cpSync(join(REPOSITORY, 'native/src'), join(copy, 'src'), { recursive: true });
  cpSync(join(REPOSITORY, 'native/build.mjs'), join(copy, 'build.mjs'));
});

const build = (env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [join(copy, 'build.mjs')], { encoding: 'utf8', env: { ...process.env, ...env } });

test('builds, and does nothing when nothing changed', () => {
  expect([build().status, existsSync(output)]).toEqual([0, true]);
  const builtAt = statSync(output).mtimeMs;
  const again = build();
  expect([again.status, again.stdout, again.stderr, statSync(output).mtimeMs]).toEqual([0, '', '', builtAt]);
  const later = new Date(Date.now() + 2000);
  utimesSync(join(copy, 'src/store.c'), later, later);
  build();
  expect(statSync(output).mtimeMs).toBeGreaterThan(builtAt);
});

test('without a compiler: one line, what still works, and success', () => {
  const run = build({ CC: '/nonexistent/cc' });
  expect([run.status, run.stdout, existsSync(output)]).toEqual([0, '', false]);
  expect(run.stderr).toMatch(/^memprof: no native sampler \(.*install a C compiler.*\n$/);
  expect(run.stderr).toContain('V8 heap profiles work without it');
});

test('sources that do not compile: the compiler’s words, and no half-built library', () => {
  writeFileSync(join(copy, 'src/broken.c'), 'int mp_broken(void) { return mp_missing(); }\n');
  const run = build();
  expect([run.status, existsSync(output)]).toEqual([0, false]);
  expect(run.stderr).toContain('mp_missing');
  expect(run.stderr).toMatch(/memprof: no native sampler \(.* failed with status 1\)/);
});

test('a prebuilt library is taken as it is', () => {
  mkdirSync(join(copy, 'prebuilt/linux-x64-glibc'), { recursive: true });
  writeFileSync(join(copy, 'prebuilt/linux-x64-glibc/libmemprof.so'), 'made elsewhere');
  expect(build({ CC: '/nonexistent/cc' })).toMatchObject({ status: 0, stderr: '' });
  expect(statSync(output).size).toBe('made elsewhere'.length);
});
