/**
 * Builds the sampler: one call of the C compiler, at `npm install` and `npm run build`.
 * Without it memprof still profiles V8's heap, so whatever is missing here is said in one line and is not an error.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, 'src');
const FLAGS = [
  ...[
    '-O2',
    '-g',
    '-std=gnu11',
    '-D_GNU_SOURCE=',
    '-Wall',
    '-Wextra',
    '-fPIC',
    '-fvisibility=hidden',
    '-ftls-model=initial-exec',
  ],
  // The compiler must not turn our own code into calls of the functions that we stand in for.
  ...['malloc', 'calloc', 'realloc', 'free', 'memalign', 'aligned_alloc', 'posix_memalign'].map(
    (f) => `-fno-builtin-${f}`,
  ),
  ...['-shared', '-Wl,-z,nodelete', '-Wl,-z,now', '-Wl,-z,defs', '-Wl,-soname,libmemprof.so'],
];
const SUPPORTED = ['linux-x64-glibc', 'linux-arm64-glibc'];

/** What GNU compilers call the processors that Node calls otherwise. */
const PROCESSORS = { x86_64: 'x64', aarch64: 'arm64' };

/**
 * The name of a folder in `build/` and `prebuilt/`: platform, processor, C library. It is that of this machine, or of the one that the
 * compiler in CC builds for (`CC=aarch64-linux-gnu-gcc`).
 */
function target() {
  const machine = process.env.CC && spawnSync(process.env.CC, ['-dumpmachine'], { encoding: 'utf8' }).stdout;
  const [, processor, libc] = /^(x86_64|aarch64)-(?:\w+-)?linux-(gnu|musl)\s*$/.exec(machine ?? '') ?? [];
  return processor ? `linux-${PROCESSORS[processor]}-${libc === 'gnu' ? 'glibc' : 'musl'}` : targetOfThisMachine();
}

function targetOfThisMachine() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`;
  process.report.excludeNetwork = true; // or it resolves host names
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
  return `linux-${process.arch}-${libc}`;
}

function skip(reason) {
  console.error(
    `memprof: no native sampler (${reason}); V8 heap profiles work without it. \`memprof doctor\` tells more.`,
  );
}

function newestSource() {
  const files = readdirSync(SOURCES).map((name) => join(SOURCES, name));
  return Math.max(...[...files, fileURLToPath(import.meta.url)].map((file) => statSync(file).mtimeMs));
}

/** Compiles beside the result and renames, so that no program ever loads half a file. */
function compile(output) {
  const temporary = `${output}.${process.pid}`;
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c'));
  const compiler = process.env.CC ?? 'cc';
  const result = spawnSync(compiler, [...FLAGS, '-o', temporary, ...sources], { cwd: SOURCES, encoding: 'utf8' });
  if (result.error)
    return skip(`${compiler} did not start: ${result.error.code}; install a C compiler, for example gcc`);
  if (result.status !== 0) {
    process.stderr.write(result.stderr);
    return skip(`${compiler} failed with status ${result.status}`);
  }
  renameSync(temporary, output);
}

function main() {
  const name = target();
  if (!SUPPORTED.includes(name)) return skip(`${name} is not supported yet; it needs ${SUPPORTED.join(' or ')}`);
  const output = join(HERE, 'build', name, 'libmemprof.so');
  const prebuilt = join(HERE, 'prebuilt', name, 'libmemprof.so');
  mkdirSync(dirname(output), { recursive: true });
  if (existsSync(prebuilt)) return copyFileSync(prebuilt, output);
  if (existsSync(output) && statSync(output).mtimeMs > newestSource()) return;
  compile(output);
}

main();
