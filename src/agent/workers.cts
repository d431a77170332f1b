/**
 * What the threads of a process say to each other: when the main thread ends the process, exit handlers of workers do not run,
 * so it asks them for their profiles; and a worker gives its sampler up when another thread profiles it.
 */
import threads = require('node:worker_threads');

import type { V8Sampler } from './types.cjs';

interface Request {
  readonly kind: 'profile' | 'stand-down';
  /** Whom it is for; undefined: all workers. */
  readonly threadId?: number;
  /** One Int32: how many have answered. */
  readonly answers: SharedArrayBuffer;
}

/** How long the main thread's exit may wait for all workers together. A worker busy with JavaScript does not answer. */
const EXIT_WAIT_MS = 50;
const STAND_DOWN_WAIT_MS = 500;
/** A worker collects garbage first if that takes a few ms at most. */
const COLLECT_BELOW_BYTES = 32 * 1024 ** 2;
/** BroadcastChannel reaches the threads of this process only; no program uses this name by chance. */
const CHANNEL = 'memprof-agent-5f2d81';

const { BroadcastChannel } = threads;
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
    try {
      if (request.kind === 'profile') sampler.writeProfile('exit', sampler.collectGarbage(COLLECT_BELOW_BYTES));
      else sampler.standDown('another thread');
    } catch {
      // The answer below must come all the same: somebody waits for it.
    }
    const answers = new Int32Array(request.answers);
    Atomics.add(answers, 0, 1);
    Atomics.notify(answers, 0);
  };
  channel.unref();
}

/** In the main thread at exit: waits until all workers have written their profiles, 50 ms at most. */
function collectFromWorkers(workers: readonly WeakRef<threads.Worker>[]): void {
  const alive = workers.filter((worker) => (worker.deref()?.threadId ?? -1) !== -1).length;
  if (alive === 0) return;
  const answers = new Int32Array(send('profile'));
  const deadline = Date.now() + EXIT_WAIT_MS;
  for (let got = 0; got < alive; got = Atomics.load(answers, 0)) {
    const leftMs = deadline - Date.now();
    if (leftMs <= 0 || Atomics.wait(answers, 0, got, leftMs) === 'timed-out') return;
  }
}

/** Resolves when that worker's sampler has stopped, or after half a second. */
async function askToStandDown(threadId: number): Promise<void> {
  const answers = new Int32Array(send('stand-down', threadId));
  await waitAsync(answers, 0, 0, STAND_DOWN_WAIT_MS).value;
}

function send(kind: Request['kind'], threadId?: number): SharedArrayBuffer {
  const answers = new SharedArrayBuffer(4);
  const channel = new BroadcastChannel(CHANNEL);
  const request: Request = { kind, answers, ...(threadId !== undefined && { threadId }) };
  channel.postMessage(request);
  channel.close();
  return answers;
}

export = { answerMainThread, askToStandDown, collectFromWorkers };
