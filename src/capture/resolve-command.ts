import { accessSync, constants, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EXIT, MemprofError } from '../errors.js';
import { type Executable, inspectExecutable } from './elf.js';

/** The program that a command line would start. */
export interface ResolvedCommand {
  /** The file that execvp(3) would take. */
  readonly path: string;
  /** Short name of the program for people and files: the base name. */
  readonly name: string;
  /** The file whose code runs in the end: the interpreter of a script, else `path`. */
  readonly executablePath: string;
  /** Absent if the file cannot be read; it may still be executable. */
  readonly executable?: Executable;
}

/** What execvp(3) uses when there is no PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';
const MAX_INTERPRETERS = 4;

/**
 * Finds the file that `command` stands for, as execvp(3) does, and the binary that will run in the end.
 * @throws MemprofError COMMAND_NOT_FOUND (exit code 127) or COMMAND_NOT_EXECUTABLE (126).
 */
export function resolveCommand(command: string, pathVariable: string | undefined): ResolvedCommand {
  const path = locate(command, pathVariable);
  let executablePath = path;
  for (let hop = 0; hop < MAX_INTERPRETERS; hop++) {
    const executable = tryInspect(executablePath);
    if (executable?.format !== 'script') {
      return { path, name: basename(command), executablePath, ...(executable && { executable }) };
    }
    const interpreter = interpreterOf(executable.shebang ?? [], pathVariable);
    if (interpreter === undefined) break;
    executablePath = interpreter;
  }
  return { path, name: basename(command), executablePath };
}

function locate(command: string, pathVariable: string | undefined): string {
  if (command.includes('/')) {
    const problem = problemWith(command);
    if (problem === undefined) return command;
    throw problem === 'missing' ? notFound(command) : notExecutable(command, command, problem);
  }
  let refused: { path: string; problem: string } | undefined;
  for (const folder of (pathVariable ?? DEFAULT_PATH).split(':')) {
    const path = join(folder === '' ? '.' : folder, command);
    const problem = problemWith(path);
    if (problem === undefined) return path;
    if (problem !== 'missing' && problem !== 'directory') refused ??= { path, problem };
  }
  throw refused ? notExecutable(command, refused.path, refused.problem) : notFound(command);
}

function problemWith(path: string): 'missing' | 'directory' | 'not executable' | undefined {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: false });
  if (!stats) return 'missing';
  if (stats.isDirectory()) return 'directory';
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch {
    return 'not executable'; // the caller says so
  }
}

/** The file behind a `#!` line; env(1) is looked through, since it is what scripts of Node start with. */
function interpreterOf(shebang: readonly string[], pathVariable: string | undefined): string | undefined {
  const [program = '/bin/sh', ...words] = shebang;
  if (basename(program) !== 'env') return program;
  const command = words.find((word) => !word.startsWith('-') && !word.includes('='));
  if (command === undefined) return program;
  try {
    return locate(command, pathVariable);
  } catch {
    return undefined; // env(1) will say it itself, in the program's own words
  }
}

function tryInspect(path: string): Executable | undefined {
  try {
    return inspectExecutable(path);
  } catch {
    return undefined; // executable but not readable: nothing is known, and the program runs all the same
  }
}

function notFound(command: string): MemprofError {
  return new MemprofError(`command not found: ${command}`, {
    code: 'COMMAND_NOT_FOUND',
    exitCode: EXIT.notFound,
    hint: hintForMissing(command),
  });
}

function hintForMissing(command: string): string {
  if (/\s/.test(command)) return 'Pass the program and its arguments as separate words: memprof run -- node server.js';
  if (!command.includes('/') && problemWith(join('.', command)) !== 'missing') {
    return /\.[cm]?[jt]s$/.test(command) ? `Try: memprof run -- node ${command}` : `Try: memprof run -- ./${command}`;
  }
  return 'Check the spelling, and that its folder is in PATH.';
}

function notExecutable(command: string, path: string, problem: string): MemprofError {
  const what = problem === 'directory' ? 'it is a directory' : `${path} has no execute permission`;
  const isJavaScript = /\.[cm]?[jt]s$/.test(path);
  return new MemprofError(`cannot execute ${command}: ${what}`, {
    code: 'COMMAND_NOT_EXECUTABLE',
    exitCode: EXIT.notExecutable,
    hint: isJavaScript ? `Try: memprof run -- node ${command}` : `Try: chmod +x ${path}, or name its interpreter.`,
  });
}
