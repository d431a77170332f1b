/** Programs as a bench runs them: compiled, started, and measured with the children they waited for. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
export const MEMPROF = join(ROOT, 'bin/memprof.js');
export const NODE_MAJORS = ['20', '22', '24', '26'];

/** A folder for this bench alone, gone when it ends. */
export const scratch = mkdtempSync(join(tmpdir(), 'memprof-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** The Node of that major version among the fixtures. */
export function fixtureNode(major) {
  const path = join(ROOT, `fixtures/nodes/node_modules/node-${major}/bin/node`);
  if (!existsSync(path)) throw new Error(`missing ${path}: node fixtures/install.mjs nodes`);
  return path;
}

/** Is there a program of that name in PATH? */
export function has(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** Compiles C sources into the scratch folder; the path of the program. */
export function compile(name, sources, flags = []) {
  const output = join(scratch, name);
  const all = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-fno-builtin', '-pthread', ...flags];
  const result = spawnSync('cc', [...all, '-o', output, ...sources], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`cc ${sources.join(' ')}: ${result.error?.message ?? result.stderr}`);
  return output;
}

/** What a program printed. @throws if it did not end with 0 */
export function output(command, env = process.env, cwd = scratch) {
  const [file, ...args] = command;
  const result = spawnSync(file, args, { env, cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw failure(command, result);
  return result.stdout;
}

let measureProgram;
let results = 0;

/**
 * A command that runs the given one and remembers what it used: `command` to start, `read()` after its end. It may stand inside
 * another command: `memprof run -- ...command` measures the program without memprof's own process.
 */
export function metered(command) {
  measureProgram ??= compile('measure', [join(import.meta.dirname, 'measure.c')]);
  const file = join(scratch, `used-${results++}.json`);
  return {
    command: [measureProgram, file, ...command],
    /** Milliseconds and MiB; CPU is user and system time with that of all children that were waited for. */
    read() {
      const { wallMs, userMs, systemMs, maxRssKib } = JSON.parse(readFileSync(file, 'utf8'));
      rmSync(file);
      return { wallMs, cpuMs: userMs + systemMs, userMs, systemMs, maxRssMib: maxRssKib / 1024 };
    },
  };
}

/**
 * Runs a command to its end: what it used, and its output. With `wrap`, what runs is `wrap(command)`, and `around` is what all of that used.
 *
 * @param {string[]} command
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, wrap?: (command: string[]) => string[] }} [options]
 * @throws if it did not end with 0
 */
export function measured(command, { env, cwd, wrap } = {}) {
  const inner = metered(command);
  const outer = wrap && metered(wrap(inner.command));
  const stdout = output((outer ?? inner).command, env, cwd);
  return { stdout, ...inner.read(), ...(outer && { around: outer.read() }) };
}

/** Like `measured`, while this process does something else: `during(child)` talks to it and must make it end. */
export async function measuredWhile(command, during, { env, cwd = scratch, wrap } = {}) {
  const inner = metered(command);
  const outer = wrap && metered(wrap(inner.command));
  const [file, ...args] = (outer ?? inner).command;
  const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise((done, fail) => {
    child.on('error', fail).on('close', (status, signal) => done({ status, signal, stderr }));
  });
  const result = await during(child);
  const end = await ended;
  if (end.status !== 0) throw failure(command, end);
  return { ...result, ...inner.read(), ...(outer && { around: outer.read() }) };
}

function failure(command, { status, signal, error, stderr }) {
  return new Error(`${command.join(' ')}: ${error?.message ?? `ended with ${status ?? signal}: ${stderr}`}`);
}
