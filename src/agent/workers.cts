/**
 * What the threads of a process say to each other: when the main thread ends the process, exit handlers of workers do not run,
 * so it asks them for their profiles; and a worker gives its sampler up when another thread profiles it.
 *
 * They share a few words of memory, handed on as environment data. A message of BroadcastChannel or MessagePort would do, but the
 * first one that a thread receives loads undici for its MessageEvent: 50 to 290 ms on Node 22 and later.
 */
import fs = require('node:fs');
import threads = require('node:worker_threads');

import type { V8Sampler } from './types.cjs';

/** Words of the shared Int32Array. A request is complete when SEQUENCE moves. */
const SEQUENCE = 0;
const KIND = 1;
/** The thread that is meant; 0: all workers. */
const TARGET = 2;
const BEGUN = 3;
const DONE = 4;
const WORDS = 5;
const PROFILE = 1;
const STAND_DOWN = 2;

const ENVIRONMENT_KEY = 'memprof.agent.mailbox';
/** How long the main thread's exit waits for all workers together: for an answer, and for the profiles of those that answered. */
const BEGIN_WAIT_MS = 50;
const EXIT_WAIT_MS = 300;
const STAND_DOWN_WAIT_MS = 500;
/** A worker collects garbage first if that takes a few ms at most. */
const COLLECT_BELOW_BYTES = 32 * 1024 ** 2;
/** Enough of a hello line to hold its first fields. */
const HEAD_BYTES = 256;

type Mailbox = Int32Array<SharedArrayBuffer>;

const { closeSync, existsSync, openSync, readSync, readdirSync, readlinkSync } = fs;
const { now } = Date;
/** In Node since 16; in TypeScript's library since ES2024. */
const { waitAsync } = Atomics as unknown as {
  waitAsync(array: Int32Array, index: number, value: number, timeoutMs?: number): { value: unknown };
};
const mailbox = openMailbox();

function openMailbox(): Mailbox {
  const shared: unknown = threads.getEnvironmentData(ENVIRONMENT_KEY);
  if (shared instanceof SharedArrayBuffer) return new Int32Array(shared);
  const fresh = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
  threads.setEnvironmentData(ENVIRONMENT_KEY, fresh as unknown as threads.Serializable);
  return new Int32Array(fresh);
}

/** In a worker: answers until it ends. A promise alone does not keep an event loop alive. */
async function answerRequests(sampler: V8Sampler): Promise<void> {
  for (let seen = Atomics.load(mailbox, SEQUENCE); ; seen = Atomics.load(mailbox, SEQUENCE)) {
    await waitAsync(mailbox, SEQUENCE, seen).value;
    const target = Atomics.load(mailbox, TARGET);
    if (target !== 0 && target !== threads.threadId) continue;
    count(BEGUN);
    try {
      if (Atomics.load(mailbox, KIND) === STAND_DOWN) sampler.standDown('another thread');
      else sampler.writeProfile('exit', sampler.collectGarbage(COLLECT_BELOW_BYTES));
    } catch {
      // The answer below must come all the same: somebody waits for it.
    }
    count(DONE);
  }
}

/**
 * In the main thread at exit: waits until the workers have written their profiles. It gives them 50 ms to begin (one that is
 * busy with JavaScript will not), and those that have begun 300 ms in all to finish.
 */
function collectFromWorkers(runDirectory: string): void {
  const alive = countWorkers(runDirectory);
  if (alive === 0) return;
  const started = now();
  send(PROFILE, 0);
  const begun = waitFor(BEGUN, alive, started + BEGIN_WAIT_MS);
  waitFor(DONE, begun, started + EXIT_WAIT_MS);
}

/** Blocks until `mailbox[index]` is `wanted` or the time has come; returns how far it got. */
function waitFor(index: number, wanted: number, deadline: number): number {
  for (;;) {
    const got = Atomics.load(mailbox, index);
    const leftMs = deadline - now();
    if (got >= wanted || leftMs <= 0) return got;
    Atomics.wait(mailbox, index, got, leftMs);
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

/** Resolves when that worker's sampler has stopped, or after half a second. One request at a time: they share the words. */
function askToStandDown(threadId: number): Promise<void> {
  lastRequest = lastRequest.then(async () => {
    send(STAND_DOWN, threadId);
    await waitAsync(mailbox, DONE, 0, STAND_DOWN_WAIT_MS).value;
  });
  return lastRequest;
}
let lastRequest: Promise<void> = Promise.resolve();

function send(kind: number, target: number): void {
  Atomics.store(mailbox, KIND, kind);
  Atomics.store(mailbox, TARGET, target);
  Atomics.store(mailbox, BEGUN, 0);
  Atomics.store(mailbox, DONE, 0);
  count(SEQUENCE);
}

function count(index: number): void {
  Atomics.add(mailbox, index, 1);
  Atomics.notify(mailbox, index);
}

export = { answerRequests, askToStandDown, collectFromWorkers, nativeThreadId };
