/** Builds and runs oracle.c: our unwinder against libunwind, frame by frame, in any program. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const SOURCES = resolve(import.meta.dirname, '../src');
/** The hooks stay out, and the doors for programs: the oracle has a malloc of its own. */
const HOOKS = /^(hooks_\w+|api|door|napi|carrier\w*|tag_here|process|sampler|real|arena|collections)\.c$/;
const FLAGS = ['-O2', '-g', '-std=gnu11', '-D_GNU_SOURCE=', '-fPIC', '-shared', '-fvisibility=hidden'];

/**
 * Everything of the sampler but its hooks, and libunwind beside it.
 *
 * @param {string} directory where the library goes
 * @returns {string | undefined} its path; undefined where libunwind's header is missing (Debian package libunwind-dev)
 * @throws if it does not compile
 */
export function buildOracle(directory) {
  const library = join(directory, 'oracle.so');
  const files = readdirSync(SOURCES).filter((name) => name.endsWith('.c') && !HOOKS.test(name));
  const built = spawnSync(
    'cc',
    [
      ...FLAGS,
      '-ftls-model=initial-exec',
      '-fno-builtin-malloc',
      '-o',
      library,
      '../test/oracle.c',
      ...files,
      '-lunwind',
    ],
    { cwd: SOURCES, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  if (built.status === 0) return library;
  if (/libunwind\.h: No such file/.test(built.stderr)) return undefined;
  throw new Error(built.stderr);
}

/**
 * Runs a command under the oracle; sums over its processes.
 *
 * @param {string} oracle
 * @param {string[]} command
 * @param {{ every: number, directory: string }} options every: of so many mallocs, one is compared; directory: for the oracle's output
 * @returns samples compared, frames compared, mismatches (with details), and walks that reached a root by our own account
 */
export function compareStacks(oracle, command, { every, directory }) {
  const out = join(directory, 'oracle-out');
  rmSync(out, { force: true });
  const [file = '', ...args] = command;
  const run = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: 55_000,
    env: { ...process.env, LD_PRELOAD: oracle, ORACLE_OUT: out, ORACLE_EVERY: String(every) },
  });
  const sum = { status: run.status, samples: 0, frames: 0, mismatches: 0, roots: 0, details: '' };
  for (const line of readFileSync(out, 'utf8').split('\n')) {
    const text = line.replaceAll('\0', '');
    const numbers = /^(\d+) (\d+) (\d+) (\d+)$/.exec(text)?.slice(1).map(Number);
    if (!numbers) {
      sum.details += text;
      continue;
    }
    const [samples = 0, frames = 0, mismatches = 0, roots = 0] = numbers;
    sum.samples += samples;
    sum.frames += frames;
    sum.mismatches += mismatches;
    sum.roots += roots;
  }
  return sum;
}
