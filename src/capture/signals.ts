import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { isatty } from 'node:tty';

/** Signals that are meant for the program, whoever of the two they were sent to. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const;
type Forwarded = (typeof FORWARDED)[number];

/** Between the start of the program and the end of its recording. */
export interface SignalForwarding {
  /** The program that signals go to, as soon as there is one. */
  to(program: ChildProcess): void;
  /** Gives signals their default actions back. */
  restore(): void;
}

const WITNESS_POLL_MS = 5;
const WITNESS_POLLS = 8;

/**
 * Sees to it that the program gets each signal exactly once, and that memprof survives it to write the report.
 *
 * Ctrl-C reaches the whole process group, so the program has it already; `kill PID` reaches memprof alone, and must be
 * passed on. Node does not tell the two apart (si_code is not to be had). A witness does: a process in the same group
 * that does nothing and dies of a signal that was sent to the group.
 * To be called in the same turn of the event loop as the program's start, before it: a program that is quick to say that it is
 * ready may be sent a signal before this process runs again.
 */
export function forwardSignals(): SignalForwarding {
  let program: ChildProcess | undefined;
  // Before the program: a signal to the group that finds no witness would be passed on to a program that has had it.
  let witness = startWitness();
  const onSignal = (signal: Forwarded): void => {
    const asked = witness;
    witness = undefined;
    void reachedGroup(asked).then((reached) => {
      if (!reached && program?.exitCode === null && program.signalCode === null) program.kill(signal);
      stopWitness(asked);
      witness ??= startWitness();
    });
  };
  for (const signal of FORWARDED) process.on(signal, onSignal);
  return {
    to(started) {
      program = started;
    },
    restore() {
      for (const signal of FORWARDED) process.off(signal, onSignal);
      stopWitness(witness);
    },
  };
}

/**
 * Ends this process by a signal, without a core file of its own: the program's is the one that people look for.
 * Afterwards nothing runs; if the signal cannot kill, the exit status is 128 plus its number.
 */
export function dieOf(signal: NodeJS.Signals): void {
  process.exitCode = 128 + (constants.signals[signal] ?? 0);
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // No /proc: then it is a whole core file, if the limits allow any.
  }
  // SIGUSR1 would open Node's inspector instead.
  if (signal !== 'SIGUSR1') process.kill(process.pid, signal);
}

/** It waits for the end of its input, so it cannot outlive memprof; no core file if the signal is SIGQUIT. */
function startWitness(): ChildProcess | undefined {
  try {
    const witness = spawn('/bin/sh', ['-c', 'ulimit -c 0; read _'], { stdio: ['pipe', 'ignore', 'ignore'], env: {} });
    // Without a shell (a distroless container) the terminal decides: see reachedGroup.
    witness.on('error', () => undefined);
    witness.stdin?.on('error', () => undefined);
    witness.unref();
    (witness.stdin as unknown as { unref?: () => void } | null)?.unref?.();
    return witness;
  } catch {
    return undefined; // no process to be had; the terminal decides
  }
}

function stopWitness(witness: ChildProcess | undefined): void {
  if (witness?.exitCode === null && witness.signalCode === null) witness.kill('SIGKILL');
}

async function reachedGroup(witness: ChildProcess | undefined): Promise<boolean> {
  if (witness?.pid === undefined) return isForeground();
  for (let poll = 0; poll < WITNESS_POLLS; poll++) {
    if (hasSignal(witness)) return true;
    await delay(WITNESS_POLL_MS);
  }
  return hasSignal(witness);
}

/** A signal is pending from the moment it is sent, even if the witness had no chance to run yet. */
function hasSignal(witness: ChildProcess): boolean {
  if (witness.signalCode !== null || witness.exitCode !== null) return true;
  try {
    const status = readFileSync(`/proc/${witness.pid}/status`, 'latin1');
    return /^State:\s+[ZX]/m.test(status) || /^(SigPnd|ShdPnd):\s*0*[1-9a-f]/m.test(status);
  } catch {
    return true; // gone
  }
}

/** Without a witness: a process in the terminal's foreground got its signal from the terminal, most likely. */
function isForeground(): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[2] === fields[5]; // pgrp, tpgid
  } catch {
    return isatty(0);
  }
}
