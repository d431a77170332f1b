import { closeSync, existsSync, openSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { EXIT, MemprofError } from '../errors.js';

/**
 * Writes a file in one step (0600): a reader sees the old content or the whole new one. Pieces are asked for one by one.
 * A device or a pipe is written to and never replaced: root's `-o /dev/null` must not leave a file there.
 */
export function writeWholeFile(path: string, content: string | Uint8Array | Generator<Uint8Array>): void {
  const pieces = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  const isInPlace = isDeviceOrPipe(path);
  const draft = isInPlace ? path : `${path}.tmp`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    for (const piece of pieces) writeFileSync(fd, piece);
  } finally {
    closeSync(fd);
  }
  if (!isInPlace) renameSync(draft, path);
}

function isDeviceOrPipe(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

/**
 * Refuses to replace a file without `--force`.
 * @throws MemprofError OUTPUT_EXISTS (exit code 2).
 */
export function mustNotExist(path: string, force: boolean): void {
  if (force || !existsSync(path) || isDeviceOrPipe(path)) return;
  throw new MemprofError(`${path} exists`, {
    code: 'OUTPUT_EXISTS',
    exitCode: EXIT.usage,
    hint: 'Pass --force to replace it, or another name to -o.',
  });
}

/**
 * Refuses to show what nobody could read there.
 * @throws MemprofError NOT_FOR_TERMINAL (exit code 2).
 */
export function mustNotGoToTerminal(format: string): void {
  if (!process.stdout.isTTY) return;
  throw new MemprofError(`${format} is not for a terminal`, {
    code: 'NOT_FOR_TERMINAL',
    exitCode: EXIT.usage,
    hint: `Write it to a file with -o ${format === 'html' ? 'profile.html' : 'profile.pb.gz'}, or pipe it into another program.`,
  });
}

/**
 * Writes a result to a file, and turns what can go wrong into one line.
 * @throws MemprofError OUTPUT_UNWRITABLE (exit code 2).
 */
export function writeResultFile(path: string, content: string | Uint8Array): void {
  try {
    writeWholeFile(path, content);
  } catch (cause) {
    throw new MemprofError(`cannot write ${path}: ${(cause as Error).message}`, {
      code: 'OUTPUT_UNWRITABLE',
      exitCode: EXIT.usage,
      hint: 'Pass a path that you can write to -o.',
      cause,
    });
  }
}

/** Writes a result to stdout; a reader that went away (`| head`) is no error. */
export function writeResult(content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EPIPE') resolve();
      else reject(error);
    };
    process.stdout.once('error', onError);
    process.stdout.write(content, (error) => {
      // Node tells the callback before it emits 'error': the listener stays for that case.
      if (error) return;
      process.stdout.off('error', onError);
      resolve();
    });
  });
}
