import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, MemprofError } from '../errors.js';

/** How runs of a gate sample. */
export interface GateSampling {
  readonly sampleBytes: number;
  readonly v8IntervalBytes: number;
  readonly maxSamplesPerSecond: number;
}

export interface GateCommand {
  /** As people wrote it, for messages. */
  readonly shown: string;
  readonly argv: readonly string[];
}

export interface RunOptions {
  readonly sampling: GateSampling;
  readonly timeoutSeconds: number;
  /** Where the recording and the output of the command go. */
  readonly folder: string;
  /** `run 3`, for messages. */
  readonly name: string;
}

const MEMPROF = fileURLToPath(new URL('../../bin/memprof.js', import.meta.url));
const KILL_AFTER_MS = 5_000;
const TAIL_LINES = 8;

/** A command line: split at blanks where it has nothing that only a shell understands (quotes, `A=b command`), else for `sh -c`. */
export function commandOf(line: string): GateCommand {
  const isPlain = /^\s*[\w./:@%+,-]+(\s+[\w./:=@%+,-]+)*\s*$/.test(line);
  return { shown: line, argv: isPlain ? line.trim().split(/\s+/) : ['sh', '-c', line] };
}

/**
 * Runs the command once under `memprof run`, in a process of its own: what interprets the run before takes its time meanwhile. Input is
 * closed; output goes to a file, whose end is in the error.
 * @returns the folder of the recording.
 * @throws MemprofError COMMAND_FAILED or COMMAND_TIMED_OUT (exit code 2).
 */
export async function recordOnce(command: GateCommand, options: RunOptions): Promise<string> {
  const { sampling, timeoutSeconds, folder, name } = options;
  const output = join(folder, 'recording');
  const log = join(folder, 'output.txt');
  const fd = openSync(log, 'w', 0o600);
  const child = spawn(
    process.execPath,
    [
      MEMPROF,
      'run',
      '--quiet',
      '--no-reports',
      ...['-o', output],
      ...['--sample-bytes', String(sampling.sampleBytes)],
      ...['--v8-interval', String(sampling.v8IntervalBytes)],
      ...['--max-samples-per-second', String(sampling.maxSamplesPerSecond)],
      '--',
      ...command.argv,
    ],
    { stdio: ['ignore', fd, fd] },
  );
  closeSync(fd);
  let isLate = false;
  let killer: NodeJS.Timeout | undefined;
  const patience = setTimeout(() => {
    isLate = true;
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  }, timeoutSeconds * 1000);
  const { status, signal } = await new Promise<{ status: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, signal) => resolve({ status, signal }));
    },
  );
  clearTimeout(patience);
  clearTimeout(killer);
  if (isLate) {
    throw failure(`${command.shown}: ${name} was not over after ${timeoutSeconds} s`, log, {
      code: 'COMMAND_TIMED_OUT',
      hint: 'A gate needs a command that ends; --timeout gives it more seconds.',
    });
  }
  if (status !== 0) {
    throw failure(`${command.shown}: ${name} ended with ${signal ?? `status ${status}`}`, log, {
      code: 'COMMAND_FAILED',
      hint: 'A gate compares runs that succeed: make the command pass without memprof first.',
    });
  }
  return output;
}

function failure(message: string, log: string, { code, hint }: { code: string; hint: string }): MemprofError {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES);
  const said = lines.join('').trim() === '' ? '; it printed nothing' : `; its last lines:\n    ${lines.join('\n    ')}`;
  return new MemprofError(`${message}${said}`, { code, exitCode: EXIT.usage, hint });
}
