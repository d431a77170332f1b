import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { readLedger } from '../capture/ledger-reading.js';
import { EXIT, MemprofError } from '../errors.js';
import type { LedgerReading } from '../recording/ledger.js';
import type { LedgerFlags } from '../schema/ledger-flags.js';

/** Heaps up to this size are walked chunk by chunk: about a second. */
const WALK_BYTES = 4 * 2 ** 30;
const AS_OWNER = 'Run memprof as the user of the process, or as root (CAP_SYS_PTRACE).';

/**
 * Reads a running process from outside.
 * @throws MemprofError (exit code 2) NO_SUCH_PROCESS, FOREIGN_PROC, PROCESS_ENDED, PROCESS_NOT_PERMITTED, NO_MEMORY, NO_SMAPS, or NO_SUCH_MOMENT.
 */
export function readRunningProcess(pid: number, at: LedgerFlags['at']): LedgerReading {
  if (at !== undefined) {
    throw failure(
      'NO_SUCH_MOMENT',
      `process ${pid} runs: it can be read now, and at no other moment`,
      'Leave --at away, or record the program with `memprof run`.',
    );
  }
  if (!isThere(pid)) {
    throw failure(
      'NO_SUCH_PROCESS',
      `there is no process ${pid}`,
      'Give the id of a running process, in this pid namespace.',
    );
  }
  checkProc();
  try {
    return readLedger(pid, { reason: 'outside', walkBytes: WALK_BYTES });
  } catch (cause) {
    throw explained(pid, cause as NodeJS.ErrnoException);
  }
}

/** Another user's is there as well (EPERM); whether it may be read is another question. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** In a pid namespace under the /proc of another, `/proc/PID` is some other process. */
function checkProc(): void {
  let self: string | undefined;
  try {
    self = readlinkSync('/proc/self');
  } catch {
    self = undefined; // no /proc at all, or one that this process is not in
  }
  if (self === String(process.pid)) return;
  throw failure(
    'FOREIGN_PROC',
    '/proc is not that of this pid namespace: its numbers are those of other processes',
    'Mount it (mount -t proc proc /proc), or run memprof where the process was started.',
  );
}

function explained(pid: number, cause: NodeJS.ErrnoException): unknown {
  switch (cause.code) {
    case 'ESRCH':
    case 'ENOENT':
      return withoutMemory(pid, cause);
    case 'EPERM':
    case 'EACCES':
      return failure(
        'PROCESS_NOT_PERMITTED',
        `process ${pid} belongs to another user, or its memory may not be read: ${cause.message}`,
        AS_OWNER,
        cause,
      );
    default:
      return cause;
  }
}

/** It was there when the reading began: why has it nothing that could be read? */
function withoutMemory(pid: number, cause: NodeJS.ErrnoException): MemprofError {
  const status = readStatus(pid);
  if (status === undefined) {
    if (isThere(pid)) {
      return failure(
        'PROCESS_NOT_PERMITTED',
        `process ${pid} is hidden: /proc is mounted with hidepid`,
        AS_OWNER,
        cause,
      );
    }
    return failure('PROCESS_ENDED', `process ${pid} ended while it was read`, 'Run it with `memprof run`.', cause);
  }
  if (/^State:\s*[ZX]/m.test(status)) {
    const message = `process ${pid} has ended: its parent has not asked for its exit status yet (zombie)`;
    return failure('PROCESS_ENDED', message, 'Run it with `memprof run`.', cause);
  }
  if (!/^VmRSS:/m.test(status)) {
    return failure('NO_MEMORY', `process ${pid} is a thread of the kernel`, 'Give the id of a program.', cause);
  }
  if (!existsSync(`/proc/${pid}/smaps`)) {
    const message = `process ${pid} cannot be read: this kernel has no /proc/PID/smaps (CONFIG_PROC_PAGE_MONITOR)`;
    return failure('NO_SMAPS', message, 'Use another machine: no line can be told without it.', cause);
  }
  return failure('PROCESS_ENDED', `process ${pid} ended while it was read`, 'Run it with `memprof run`.', cause);
}

function readStatus(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined; // it is gone, or hidden
  }
}

function failure(code: string, message: string, hint: string, cause?: unknown): MemprofError {
  return new MemprofError(message, { code, exitCode: EXIT.usage, hint, cause });
}
