/** The C tests of the store, the mappings, the unwind tables and the maths: plain with -Werror, then under sanitizers. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY, SAMPLER } from './store.ts';

const make = (...args: string[]) =>
  spawnSync('make', ['--no-print-directory', '-C', join(REPOSITORY, 'native'), ...args], { encoding: 'utf8' });

const ONNXRUNTIME = join(
  REPOSITORY,
  'fixtures/workloads/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1',
);

/** The programs that `make check` runs; the race detector has those with threads. */
const PROGRAMS =
  /^TESTS := (.*)$/m.exec(readFileSync(join(REPOSITORY, 'native/Makefile'), 'utf8'))?.[1]?.split(' ') ?? [];

test.each([
  ['check', PROGRAMS],
  ['asan', PROGRAMS],
  ['ubsan', PROGRAMS],
  ['tsan', ['peek', 'races']],
] as const)('make %s', (target, programs) => {
  const run = make(target);
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(programs.length).toBeGreaterThan(1);
  expect(run.stdout.match(/^\d+ checks passed$/gm)).toHaveLength(programs.length);
});

test('make fuzz: a corrupt unwind table is never read outside, and no lookup goes on for ever', () => {
  const files = ['libstdc++.so.6', 'libc.so.6'].map((name) =>
    spawnSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim(),
  );
  if (existsSync(ONNXRUNTIME)) files.push(ONNXRUNTIME);
  const run = make('fuzz', 'SEED=20261125', 'ROUNDS=500000', `CFI_FILES=${files.join(' ')} ${process.execPath}`);
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toMatch(/^500000 rounds, \d+ lookups, \d+ steps\n\d+ checks passed\n$/);
});

test.skipIf(!existsSync(ONNXRUNTIME))('rules for every function of onnxruntime', () => {
  const libc = spawnSync('cc', ['-print-file-name=libc.so.6'], { encoding: 'utf8' }).stdout.trim();
  const run = make('run', 'KIND=plain', 'EXTRA=-O1', `CFI_FILES=${libc} ${ONNXRUNTIME}`);
  expect([run.status, run.stderr]).toEqual([0, '']);
  const [, found, asked] = /onnxruntime.*: rules for (\d+) of (\d+) functions/.exec(run.stdout) ?? [];
  expect(Number(found)).toBe(Number(asked));
});

test('the sampler asks for nothing that an older glibc or musl does not have', () => {
  const table = spawnSync('objdump', ['-T', SAMPLER], { encoding: 'utf8' });
  expect(table.status).toBe(0);
  const versions = [...table.stdout.matchAll(/\*UND\*.*\(GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]));
  expect(versions.length).toBeGreaterThan(10);
  expect(Math.max(...versions)).toBeLessThanOrEqual(28);
  const wanted = [...table.stdout.matchAll(/\*UND\*.*\s(\w+)$/gm)].map((match) => match[1] ?? '');
  const glibcOnly = ['_dl_find_object', 'backtrace', 'dlsym', '__register_atfork', 'mallinfo2', '__libc_malloc'];
  expect(wanted.filter((name) => glibcOnly.includes(name))).toEqual([]);
});

test('little thread-local memory, so that it fits the room that the loader keeps', () => {
  const headers = spawnSync('objdump', ['-p', SAMPLER], { encoding: 'utf8' }).stdout;
  const size = /TLS .*\n\s+filesz 0x[0-9a-f]+ memsz 0x([0-9a-f]+)/.exec(headers)?.[1];
  expect(Number.parseInt(size ?? 'ffff', 16)).toBeLessThan(1024);
});
