/** The V8 sampling heap profiler of this isolate. V8 has only one, so the program's own always goes first. */
import v8 = require('node:v8');
import vm = require('node:vm');
import binding = require('./binding.cjs');
import encode = require('./encode-profile.cjs');
import threads = require('node:worker_threads');

import type { Collections, HeapProfiler, LineFile, ProfileReason, V8Node, V8Sampler } from './types.cjs';

/** Frames kept from the leaf up: at 64 an 80-deep recursion loses its root. */
const STACK_DEPTH = 128;
/** A heap of fewer samples tells nothing that 10 ms of collecting would make truer; most short-lived children are so small. */
const MIN_COLLECTED_SAMPLES = 32;
/** Shares of the heap limit at which a profile is due, in case the program does not live to write another. */
const NEAR_LIMIT_SHARES = [0.8, 0.9];

/**
 * TurboFan folds allocations that follow each other into one, which the sampler then takes for the first object alone. To be called
 * before the program's code is optimized; it is a flag of the process, so workers have it too.
 */
function unfoldAllocations(): void {
  v8.setFlagsFromString('--no-turbo-allocation-folding');
}

/**
 * Starts sampling.
 * @throws an Error whose message says why V8 samples are off, fit for the `reason` of the hello line.
 */
function startSampler(
  intervalBytes: number,
  libc: string,
  lines: LineFile,
  collections: Collections | undefined,
): V8Sampler {
  const file = binding.findBinding(libc);
  if (file === undefined) {
    const build = `${process.platform}-${process.arch}${libc === 'musl' ? ' (musl)' : ''}`;
    throw new Error(`no V8 sampler for Node ${process.version} (ABI ${process.versions.modules}) on ${build}`);
  }
  const loaded = binding.loadBinding(file);
  // Copied: the program may be handed the same exports, and its calls are watched.
  const profiler = { ...loaded.heapProfiler };
  if (isSampling(profiler)) throw new Error("the program's own heap profile is on (--heap-prof or the like)");
  profiler.startSamplingHeapProfiler(intervalBytes, STACK_DEPTH, false);
  const limitShares = [...NEAR_LIMIT_SHARES];
  let isOn = true;
  let beforeCollection: V8Node | undefined;

  function standDown(who: string): void {
    if (!isOn) return;
    isOn = false;
    profiler.stopSamplingHeapProfiler();
    const message = `${who} started a heap profile of the program's own: V8 samples of this thread end here`;
    lines.write('warning', { code: 'V8_SAMPLER_STOOD_DOWN', message });
  }

  function collectGarbage(belowBytes: number): boolean {
    const { used_heap_size, external_memory } = v8.getHeapStatistics();
    if (!isOn || used_heap_size >= belowBytes) return false;
    if (used_heap_size + external_memory < MIN_COLLECTED_SAMPLES * intervalBytes) return false;
    beforeCollection = profiler.getAllocationProfile();
    return collections === undefined ? runCollection() : collections.asOwn(runCollection);
  }

  function writeProfile(reason: ProfileReason, collected: boolean): void {
    if (!isOn) return;
    const { keptAboveBytes, prunedBytes, strings, nodes } = encode.encodeProfile(
      profiler.getAllocationProfile(),
      beforeCollection,
    );
    beforeCollection = undefined;
    const spaces = v8
      .getHeapSpaceStatistics()
      .map((space) => [space.space_name, space.space_used_size, space.space_size]);
    lines.write('v8profile', {
      threadId: threads.threadId,
      reason,
      intervalBytes,
      depth: STACK_DEPTH,
      collected,
      strings,
      nodes,
      heap: v8.getHeapStatistics(),
      spaces,
    });
    if (prunedBytes === 0) return;
    const message = `a V8 profile was too large: call paths of up to ${keptAboveBytes} bytes, ${prunedBytes} in all, were left out`;
    lines.write('warning', { code: 'V8_PROFILE_PRUNED', message });
  }

  function nearLimit(): 'near-heap-limit' | undefined {
    const nextShare = limitShares[0];
    if (!isOn || nextShare === undefined) return undefined;
    const { used_heap_size, heap_size_limit } = v8.getHeapStatistics();
    if (used_heap_size < nextShare * heap_size_limit) return undefined;
    limitShares.shift();
    return 'near-heap-limit';
  }

  return {
    binding: loaded,
    standDown,
    collectGarbage,
    writeProfile,
    nearLimit,
  };
}

function isSampling(profiler: HeapProfiler): boolean {
  try {
    profiler.getAllocationProfile();
    return true;
  } catch {
    return false; // "Heap profiler is not enabled."
  }
}

type CollectGarbage = (options?: { readonly type: 'minor' }) => void;

/** There already with --expose-gc; looked at before the program can put something of its own in its place. */
const exposedGc: CollectGarbage | undefined = Reflect.get(globalThis, 'gc') as CollectGarbage | undefined;

/**
 * One full collection; those of the inspector and of v8.queryObjects() go round up to seven times. The minor one after it waits
 * for V8's background thread to have freed dead Buffers: without it the native sampler saw 43 MB of 21 on Node 20.
 */
function runCollection(): boolean {
  const gc = exposedGc ?? makeGc();
  if (typeof gc !== 'function') return false;
  gc();
  gc({ type: 'minor' });
  return true;
}

/** The flag is on only for the moment in which the context is made: contexts of the program do not get a `gc`. */
function makeGc(): CollectGarbage | undefined {
  v8.setFlagsFromString('--expose-gc');
  try {
    return vm.runInNewContext('gc');
  } finally {
    v8.setFlagsFromString('--no-expose-gc');
  }
}

export = { startSampler, unfoldAllocations };
