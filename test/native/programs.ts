/** Compiles the C and C++ programs of `native/test/programs`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './store.ts';

const SOURCES = join(REPOSITORY, 'native/test/programs');
/** What some of them include. */
const HEADER = join(REPOSITORY, 'native/include/memprof.h');
const OUTPUT = join(REPOSITORY, 'native/build/test');

/** The path of a compiled test program; `flags` are added to the compiler's (and make another file), `cc` replaces it. */
export function program(name: string, flags: string[] = [], cc = 'cc'): string {
  const source = readdirSync(SOURCES).find((file) => file === `${name}.c` || file === `${name}.cc`);
  if (source === undefined) throw new Error(`no program ${name} in ${SOURCES}`);
  const from = join(SOURCES, source);
  const to = join(OUTPUT, [name, ...(cc === 'cc' ? [] : [cc]), ...flags].join('_').replaceAll(/[^\w.-]/g, '_'));
  const changedMs = Math.max(...[from, HEADER].map((file) => statSync(file).mtimeMs));
  if (existsSync(to) && statSync(to).mtimeMs > changedMs) return to;
  mkdirSync(OUTPUT, { recursive: true });
  const cxx = source.endsWith('.cc');
  const temporary = `${to}.${process.pid}`;
  const args = ['-O1', '-g', '-Wall', '-pthread', ...(cxx ? ['-std=c++17'] : ['-std=gnu11', '-D_GNU_SOURCE'])];
  const result = spawnSync(cxx ? 'c++' : cc, [...args, ...flags, '-fno-builtin', '-o', temporary, from, '-ldl'], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`compiling ${source} failed:\n${result.stderr}`);
  renameSync(temporary, to);
  return to;
}
