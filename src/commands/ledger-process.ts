import { readLedger } from '../capture/ledger-reading.js';
import { EXIT, MemprofError } from '../errors.js';
import type { LedgerReading } from '../recording/ledger.js';

/** Heaps up to this size are walked chunk by chunk: about a second. */
const WALK_BYTES = 4 * 2 ** 30;

/**
 * Reads a running process from outside.
 * @throws MemprofError (exit code 2) NO_SUCH_PROCESS, PROCESS_ENDED, PROCESS_NOT_PERMITTED, or NO_SMAPS.
 */
export function readRunningProcess(pid: number): LedgerReading {
  let began = false;
  try {
    process.kill(pid, 0);
    began = true;
    return readLedger(pid, { reason: 'outside', walkBytes: WALK_BYTES });
  } catch (cause) {
    throw explained(pid, cause as NodeJS.ErrnoException, began);
  }
}

function explained(pid: number, cause: NodeJS.ErrnoException, began: boolean): unknown {
  const failure = (code: string, message: string, hint: string): MemprofError =>
    new MemprofError(message, { code, exitCode: EXIT.usage, hint, cause });
  switch (cause.code) {
    case 'ESRCH':
    case 'ENOENT':
      return began
        ? failure(
            'PROCESS_ENDED',
            `process ${pid} ended while it was read`,
            'Run the program with `memprof run` instead.',
          )
        : failure(
            'NO_SUCH_PROCESS',
            `there is no process ${pid}`,
            'Give the id of a running process, in this pid namespace.',
          );
    case 'EPERM':
    case 'EACCES':
      return failure(
        'PROCESS_NOT_PERMITTED',
        `process ${pid} belongs to another user, or its memory may not be read: ${cause.message}`,
        'Run memprof as the user of the process, or as root (CAP_SYS_PTRACE).',
      );
    default:
      return cause;
  }
}
