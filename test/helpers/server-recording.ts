import { type ProcessRecorder, recordProcess } from './recording-builder.ts';

const MIB = 1_048_576;

/** Sites and tags of a program that names its memory, for the recordings below. */
function nameMemory(recorder: ProcessRecorder) {
  recorder.process({ threads: { 4711: 'node' } });
  recorder.module({ start: 0x1000n, end: 0x9000n, bias: 0x1000n, path: '/app/node', isMain: true });
  const serve = recorder.js(
    recorder.function({ name: 'serve', script: 'file:///app/server.mjs', start: 5, end: 90 }),
    17,
  );
  const acquire = recorder.js(
    recorder.function({ name: 'acquire', script: 'file:///app/kv.mjs', start: 3, end: 50 }),
    9,
  );
  const take = recorder.js(recorder.function({ name: 'take', script: 'file:///app/tensor.mjs', start: 3, end: 50 }), 9);
  const calloc = recorder.native(0x2000n);
  const acme = recorder.tag({ kind: 'labels', name: 'tenant=acme' });
  const globex = recorder.tag({ kind: 'labels', name: 'model=small,tenant=globex' });
  const prefill = recorder.tag({ kind: 'stage', name: 'prefill' });
  const decode = recorder.tag({ kind: 'stage', name: 'decode' });
  return { serve, acquire, take, calloc, acme, globex, prefill, decode };
}

/**
 * A small SSE server that has every fault at once, 16 s long. Pool `kv-cache`: four slabs of 1,000,003 bytes, budget 2 MiB; the first is given
 * back, the others never. Pool `request`: 30 arenas of 200,003 bytes; the second is freed 10 s after its release, the third not at all,
 * the sixth after half a second, the rest at once. `tensor-pool`: one arena, 40 tensors of other sizes each, all gone within a second; 0 hits. A model file
 * and something that nobody names.
 */
export function serverRecording(): Buffer {
  const recorder = recordProcess(4711);
  const { serve, acquire, take, calloc, acme, globex, prefill, decode } = nameMemory(recorder);
  const kv = recorder.tag({
    kind: 'pool',
    name: 'kv-cache',
    ordinal: 4,
    budgetBytes: 2 * MIB,
    counters: { hits: 1, misses: 4 },
  });
  const tensors = recorder.tag({ kind: 'pool', name: 'tensor-pool', ordinal: 1, counters: { misses: 40 } });
  const requests = recorder.tag({ kind: 'pool', name: 'request', ordinal: 30 });
  const scratch = recorder.tag({ kind: 'arena', parent: tensors, ordinal: 1, createdNs: 1_000_000n });
  const unnamed = recorder.site({ stack: [serve, calloc] });
  const model = recorder.site({ stack: [serve, calloc], heap: 'file' });

  recorder.at(0.5);
  recorder.map(model, 7_000_064);
  recorder.alloc({ site: unnamed, size: 10_007, weight: 70_049 });

  const slabs = [1, 2, 3, 4].map((ordinal) => {
    recorder.at(ordinal);
    const arena = recorder.tag({ kind: 'arena', parent: kv, ordinal });
    const tag = recorder.tag({
      kind: 'context',
      parent: arena,
      stage: prefill,
      labels: ordinal % 2 === 1 ? acme : globex,
    });
    recorder.within(tag);
    const site = recorder.site({ stack: [serve, acquire, calloc], tag, tagSource: 'cped' });
    return { arena, block: recorder.alloc({ site, size: 1_000_003 }) };
  });

  for (let i = 0; i < 40; i++) {
    recorder.at(5 + i / 100);
    const tag = recorder.tag({ kind: 'context', parent: scratch, stage: decode });
    recorder.within(tag);
    const site = recorder.site({ stack: [serve, take, calloc], tag: scratch, tagSource: 'leaf' });
    const block = recorder.alloc({ site, size: 30_011 + i, weight: 60_022 + 2 * i });
    recorder.at(5.005 + i / 100);
    recorder.free(block);
  }

  const kept = new Map<number, bigint>();
  for (let ordinal = 1; ordinal <= 30; ordinal++) {
    recorder.at(5.5 + ordinal / 100);
    const arena = recorder.tag({
      kind: 'arena',
      parent: requests,
      ordinal,
      counters: { double_releases: ordinal === 5 ? 1 : 0 },
    });
    recorder.within(arena);
    const site = recorder.site({ stack: [serve, calloc], tag: arena, tagSource: 'cped' });
    const block = recorder.alloc({ site, size: 200_003 });
    recorder.at(5.505 + ordinal / 100);
    recorder.release(arena);
    if (ordinal === 2 || ordinal === 3 || ordinal === 6) kept.set(ordinal, block);
    else recorder.free(block);
  }

  recorder.at(6);
  recorder.within(0);
  for (const { arena, block } of slabs.slice(0, 1)) {
    recorder.release(arena);
    recorder.free(block);
  }
  recorder.at(6.065);
  recorder.free(kept.get(6) ?? 0n);
  recorder.at(15.525);
  recorder.within(slabs.at(1)?.arena ?? 0);
  recorder.free(kept.get(2) ?? 0n);
  recorder.at(16);
  recorder.snapshot('end');
  recorder.end();
  return recorder.bytes();
}
