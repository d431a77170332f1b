/**
 * What the threads of a process say to each other: when the main thread ends the process, exit handlers of workers do not run,
 * so it asks them for their profiles; and a worker gives its sampler up when another thread profiles it.
 */
import fs = require('node:fs');
import threads = require('node:worker_threads');

import type { V8Sampler } from './types.cjs';

interface Request {
  readonly kind: 'profile' | 'stand-down';
  /** Whom it is for; undefined: all workers. */
  readonly threadId?: number;
  /** How many have begun, how many are done. */
  readonly answers: Int32Array<SharedArrayBuffer>;
}

const BEGUN = 0;
const DONE = 1;
/** How long the main thread's exit waits for all workers together: for an answer, and for the profiles of those that answered. */
const BEGIN_WAIT_MS = 100;
const EXIT_WAIT_MS = 300;
const STAND_DOWN_WAIT_MS = 500;
/** A worker collects garbage first if that takes a few ms at most. */
const COLLECT_BELOW_BYTES = 32 * 1024 ** 2;
/** BroadcastChannel reaches the threads of this process only; no program uses this name by chance. */
const CHANNEL = 'memprof-agent-5f2d81';

/** Enough of a hello line to hold its first fields. */
const HEAD_BYTES = 256;

const { closeSync, existsSync, openSync, readSync, readdirSync, readlinkSync } = fs;
const { BroadcastChannel } = threads;
const { now } = Date;
/** In Node since 16; in TypeScript's library since ES2024. */
const { waitAsync } = Atomics as unknown as {
  waitAsync(array: Int32Array, index: number, value: number, timeoutMs: number): { value: unknown };
};

/** In a worker: listens without keeping it alive. */
function answerMainThread(sampler: V8Sampler): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event) => {
    const request = (event as { data: Request }).data;
    if (request.threadId !== undefined && request.threadId !== threads.threadId) return;
    const { answers } = request;
    count(answers, BEGUN);
    try {
      if (request.kind === 'profile') sampler.writeProfile('exit', sampler.collectGarbage(COLLECT_BELOW_BYTES));
      else sampler.standDown('another thread');
    } catch {
      // The answer below must come all the same: somebody waits for it.
    }
    count(answers, DONE);
  };
  channel.unref();
}

/**
 * In the main thread at exit: waits until the workers have written their profiles. It gives them 100 ms to begin (one that is
 * busy with JavaScript will not), and those that have begun 300 ms in all to finish.
 */
function collectFromWorkers(runDirectory: string): void {
  const alive = countWorkers(runDirectory);
  if (alive === 0) return;
  const started = now();
  const answers = send('profile');
  const begun = waitFor(answers, BEGUN, alive, started + BEGIN_WAIT_MS);
  waitFor(answers, DONE, begun, started + EXIT_WAIT_MS);
}

/** Blocks until `answers[index]` is `wanted` or the time has come; returns how far it got. */
function waitFor(answers: Int32Array<SharedArrayBuffer>, index: number, wanted: number, deadline: number): number {
  for (;;) {
    const got = Atomics.load(answers, index);
    const leftMs = deadline - now();
    if (got >= wanted || leftMs <= 0) return got;
    Atomics.wait(answers, index, got, leftMs);
  }
}

/** How many workers of this process have an agent and still run; also workers of workers, which no event here tells of. */
function countWorkers(runDirectory: string): number {
  const prefix = `${process.pid}.`;
  const own = `${process.pid}.0.agent.jsonl`;
  let count = 0;
  for (const name of readdirSync(runDirectory)) {
    if (!name.startsWith(prefix) || !name.endsWith('.agent.jsonl') || name === own) continue;
    const tid = /"tid":(\d+)/.exec(readHead(`${runDirectory}/${name}`))?.[1];
    if (tid !== undefined && tid !== String(process.pid) && existsSync(`/proc/self/task/${tid}`)) count++;
  }
  return count;
}

function readHead(path: string): string {
  const fd = openSync(path, 'r');
  const head = Buffer.alloc(HEAD_BYTES);
  const bytes = readSync(fd, head, 0, HEAD_BYTES, 0);
  closeSync(fd);
  return head.toString('latin1', 0, bytes);
}

/** The kernel's id of this thread, by which the native sampler knows it; 0 where there is no /proc. */
function nativeThreadId(): number {
  try {
    return Number(/\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0] ?? 0);
  } catch {
    return 0; // not Linux
  }
}

/** Resolves when that worker's sampler has stopped, or after half a second. */
async function askToStandDown(threadId: number): Promise<void> {
  const answers = send('stand-down', threadId);
  await waitAsync(answers, DONE, 0, STAND_DOWN_WAIT_MS).value;
}

function send(kind: Request['kind'], threadId?: number): Int32Array<SharedArrayBuffer> {
  const answers = new Int32Array(new SharedArrayBuffer(8));
  const channel = new BroadcastChannel(CHANNEL);
  const request: Request = { kind, answers, ...(threadId !== undefined && { threadId }) };
  channel.postMessage(request);
  channel.close();
  return answers;
}

function count(answers: Int32Array<SharedArrayBuffer>, index: number): void {
  Atomics.add(answers, index, 1);
  Atomics.notify(answers, index);
}

export = { answerMainThread, askToStandDown, collectFromWorkers, nativeThreadId };
