import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { EXIT, MemprofError } from '../errors.js';

/** How a program ended: one of the two is null. */
export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LaunchedProgram {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly ended: Promise<ProgramEnd>;
}

/**
 * Starts the program as the shell would have: same process group (the terminal's signals reach it), same terminal, same
 * open files.
 * @param extraFiles is what `inheritedFiles` found.
 * @param onSpawn gets the process before anything else can happen.
 * @throws MemprofError with the exit codes of env(1) where execvp(3) fails.
 */
export async function launch(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  extraFiles: readonly ('ignore' | number)[],
  onSpawn: (child: ChildProcess) => void,
): Promise<LaunchedProgram> {
  const child = spawn(command, args, { stdio: ['inherit', 'inherit', 'inherit', ...extraFiles], env: environment });
  onSpawn(child);
  const ended = new Promise<ProgramEnd>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause: NodeJS.ErrnoException) => reject(launchError(command, cause)));
  });
  if (child.pid === undefined) throw launchError(command, undefined);
  return { pid: child.pid, process: child, ended };
}

const LAUNCH_FAILURES: Readonly<Record<string, { exitCode: number; hint: string }>> = {
  // The command itself was looked for before: what is missing is what it needs.
  ENOENT: {
    exitCode: EXIT.notFound,
    hint: 'The interpreter or the loader that it names is not there: see `file` or its first line.',
  },
  EACCES: {
    exitCode: EXIT.notExecutable,
    hint: 'Its folder may be mounted noexec, or its interpreter not be executable.',
  },
  ENOEXEC: { exitCode: EXIT.notExecutable, hint: 'It is no program for this machine.' },
  E2BIG: { exitCode: EXIT.failed, hint: 'The arguments and the environment are too long together.' },
};

function launchError(command: string, cause: NodeJS.ErrnoException | undefined): MemprofError {
  const failure = LAUNCH_FAILURES[cause?.code ?? ''];
  return new MemprofError(`cannot start ${command}: ${cause?.code ?? 'unknown error'}`, {
    code: 'LAUNCH_FAILED',
    exitCode: failure?.exitCode ?? EXIT.failed,
    hint: failure?.hint ?? 'See whether it starts without memprof.',
    cause,
  });
}

const FIRST_EXTRA_FILE = 3;
const O_ACCMODE = 0o3;
const O_NONBLOCK = 0o4000;

/**
 * Descriptors above 2 that memprof was started with (`<(...)` of a shell, sockets of systemd), each at its own place in
 * spawn's stdio array: Node marks them close-on-exec at start. Told apart from Node's own by what they point at: its
 * event loops are anonymous inodes, its wake-up pipes do not block and have both ends in this process. To be called
 * before memprof opens files of its own.
 */
export function inheritedFiles(): ('ignore' | number)[] {
  const stdio: ('ignore' | number)[] = [];
  for (const fd of inheritedDescriptors()) {
    while (stdio.length + FIRST_EXTRA_FILE < fd) stdio.push('ignore');
    stdio.push(fd);
  }
  return stdio;
}

function inheritedDescriptors(): number[] {
  // Without /proc (another system, a bare chroot) nobody knows them: the program gets the first three.
  if (!existsSync('/proc/self/fd')) return [];
  const files: { fd: number; target: string; flags: number }[] = [];
  for (const entry of readdirSync('/proc/self/fd')) {
    const fd = Number(entry);
    if (fd < FIRST_EXTRA_FILE) continue;
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
      files.push({ fd, target, flags: Number.parseInt(flags, 8) });
    } catch {
      // The descriptor of this very readdir, closed by now.
    }
  }
  const isOwnPipe = (file: (typeof files)[number]): boolean =>
    file.target.startsWith('pipe:') &&
    (file.flags & O_NONBLOCK) !== 0 &&
    files.some((other) => other.target === file.target && (other.flags & O_ACCMODE) !== (file.flags & O_ACCMODE));
  return files
    .filter((file) => !/^anon_inode:|^\/dev\/null$|^\/proc\//.test(file.target) && !isOwnPipe(file))
    .map((file) => file.fd)
    .sort((a, b) => a - b);
}
