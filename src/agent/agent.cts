/**
 * The agent of one thread. It is silent, holds nothing that keeps the event loop alive, listens to nothing that the program
 * can count, and gives V8's sampler up as soon as the program wants it. docs/explanation/v8-heap.md says what it changes.
 */
import fs = require('node:fs');
import threads = require('node:worker_threads');
import collectionsFile = require('./collections.cjs');
import controlFile = require('./control.cjs');
import lineFile = require('./lines.cjs');
import offer = require('./offer-tags.cjs');
import passThrough = require('./pass-through.cjs');
import requestFile = require('./requests.cjs');
import storeFile = require('./store.cjs');

import type { Collections, Control, LineFile, ProfileReason, Requests, V8Sampler } from './types.cjs';

import workers = require('./workers.cjs');

/** Of this thread, besides V8's samples. */
interface Watched {
  readonly collections: Collections | undefined;
  /** Undefined where malloc is the C library's own. */
  readonly askAllocator: (() => void) | undefined;
  readonly requests: Requests;
}

const POLL_MS = 1000;
/** Marking this much takes a second or so; a larger heap is written as it is, garbage included. */
const EXIT_COLLECT_BELOW_BYTES = 1024 ** 3;

/** @throws if the run directory cannot be used; nothing is changed in the process then. */
function start(runDirectory: string): void {
  const control = controlFile.openControl(runDirectory);
  const lines = lineFile.openLines(runDirectory, threads.threadId);
  const maps = readMaps();
  const libc = libcOf(maps);
  const { collections, reason: unwatched } = collectionsFile.watchCollections(`${maps}\n`);
  const { sampler, reason } = startSampler(control, lines, libc, collections);
  lines.write('hello', {
    pid: process.pid,
    threadId: threads.threadId,
    tid: workers.nativeThreadId(),
    threadName: Reflect.get(threads, 'threadName') ?? '', // Node 24 and later
    node: process.version,
    v8: process.versions.v8,
    arch: process.arch,
    abi: process.versions.modules,
    libc,
    execPath: process.execPath,
    ...(sampler ? { v8Sampler: 'on' } : { v8Sampler: 'off', ...(reason && { reason }) }),
  });
  if (maps !== '') lines.write('maps', { text: maps });
  if (unwatched !== undefined) {
    const message = `pauses of V8's collector are not recorded: ${unwatched}`;
    lines.write('warning', { code: 'COLLECTIONS_UNSEEN', message });
  }
  const askAllocator = threads.isMainThread ? allocatorOf(lines, maps) : undefined;
  const requests = requestFile.countRequests(lines);
  followExit(runDirectory, lines, sampler, { collections, askAllocator, requests });
  const tagsNow = offer.offerTags(lines, requests, sampler !== undefined);
  if (sampler && control.asyncLabels) {
    const asyncLabels: typeof import('./async-labels.cjs') = require('./async-labels.cjs');
    asyncLabels.lowerProgram(lines, tagsNow);
  }
  if (sampler) {
    followRequests(control, sampler, { collections, askAllocator, requests });
    const rivals: typeof import('./rivals.cjs') = require('./rivals.cjs');
    rivals.watchRivals(sampler);
    if (!threads.isMainThread) void workers.answerRequests(sampler);
  }
}

/** Nothing of V8's, neither the binding nor our code for it, is loaded when the run does not want V8 samples. */
function startSampler(
  control: Control,
  lines: LineFile,
  libc: string,
  collections: Collections | undefined,
): { sampler?: V8Sampler; reason?: string } {
  if (!control.v8) return {};
  try {
    const v8Sampler: typeof import('./v8-sampler.cjs') = require('./v8-sampler.cjs');
    if (control.exact) v8Sampler.unfoldAllocations();
    return { sampler: v8Sampler.startSampler(control.intervalBytes, libc, lines, collections) };
  } catch (cause) {
    return { reason: cause instanceof Error ? cause.message : String(cause) };
  }
}

/**
 * The end of the thread: after the program's own 'exit' listeners, and before process.exit() called in one of them takes effect.
 * First the garbage goes, so that both heaps show what the program holds; then the native sampler stops, for what we allocate
 * below is not the program's.
 */
function followExit(
  runDirectory: string,
  lines: LineFile,
  sampler: V8Sampler | undefined,
  { collections, askAllocator, requests }: Watched,
): void {
  const early = threads.isMainThread ? storeFile.openNewestStore(runDirectory) : undefined;
  let isDone = false;

  const atExit = (code: unknown): void => {
    if (isDone) return;
    isDone = true;
    let collected = false;
    const steps = [
      () => requests.flush(),
      () => collections?.recordHeapSize(),
      () => {
        collected = sampler?.collectGarbage(EXIT_COLLECT_BELOW_BYTES) ?? false;
      },
      () => askAllocator?.(),
      () => {
        const store = early ?? (threads.isMainThread ? storeFile.openNewestStore(runDirectory) : undefined);
        if (store !== undefined) storeFile.freeze(store);
      },
      () => {
        if (sampler && threads.isMainThread) workers.collectFromWorkers(runDirectory);
      },
      () => sampler?.writeProfile('exit', collected),
      () => lines.write('exit', { code: Number(process.exitCode ?? code ?? 0) }),
    ];
    for (const step of steps) {
      try {
        step();
      } catch {
        // One may fail without the others: after setuid(2) the run directory may be closed, but what is open stays so.
      }
    }
  };

  passThrough.watchExit(atExit);
  passThrough.callBefore(process, 'reallyExit', ([code]) => atExit(code));
}

/**
 * Looks about once a second whether memprof asks for a profile, or the heap is about to reach its limit. Besides it writes one
 * after 1, 2, 4, 8 ... seconds: who dies by a signal or by worker.terminate() loses at most the later half of its life.
 */
function followRequests(control: Control, sampler: V8Sampler, { collections, askAllocator }: Watched): void {
  let ticks = 0;
  let nextTick = 1;
  const poll = (): void => {
    try {
      collections?.recordHeapSize();
      const isDue = ++ticks >= nextTick;
      if (isDue) nextTick *= 2;
      const reason: ProfileReason | undefined =
        control.takeRequest() ?? sampler.nearLimit() ?? (isDue ? 'timer' : undefined);
      if (reason === undefined) return;
      sampler.writeProfile(reason, false);
      askAllocator?.();
    } catch {
      // A timer of ours must not become the program's uncaught exception.
    }
  };
  setInterval(poll, POLL_MS).unref();
}

/** Nothing is loaded for it where malloc is the C library's own. */
function allocatorOf(lines: LineFile, maps: string): (() => void) | undefined {
  if (!/\/lib(je|mi|tc)malloc/.test(maps)) return undefined;
  const allocator: typeof import('./allocator.cjs') = require('./allocator.cjs');
  return allocator.askAllocator(lines, `${maps}\n`);
}

function readMaps(): string {
  try {
    const text = fs.readFileSync('/proc/self/maps', 'latin1');
    const executable = text.split('\n').filter((line) => /^\S+ ..x\S* .* \//.test(line));
    return executable.join('\n');
  } catch {
    return ''; // not Linux, or no /proc in this container
  }
}

function libcOf(maps: string): string {
  if (process.platform !== 'linux') return '';
  return /\/(ld-musl-|libc\.musl-)/.test(maps) ? 'musl' : 'glibc';
}

export = { start };
