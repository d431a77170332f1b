import { recordProcess } from './recording-builder.ts';

/** A recording with at least one chunk of each type. */
export function smallRecording(): Buffer {
  const recorder = recordProcess(4711);
  recorder.process({ threads: { 4711: 'node' } });
  recorder.module({ start: 0x1000n, end: 0x9000n, bias: 0x1000n, path: '/nowhere/prog', isMain: true });
  const fn = recorder.function({ name: 'decode', script: 'file:///nowhere/a.mjs', start: 5, end: 90 });
  const pool = recorder.tag({ kind: 'pool', name: 'kv-cache', ordinal: 1, budgetBytes: 1 << 20 });
  const arena = recorder.tag({ kind: 'arena', parent: pool, ordinal: 1, counters: { hits: 3, double_releases: 1 } });
  const stage = recorder.tag({ kind: 'stage', name: 'prefill' });
  const labels = recorder.tag({ kind: 'labels', name: 'tenant=acme' });
  const tag = recorder.tag({ kind: 'context', parent: arena, stage, labels });
  const heap = recorder.tag({ kind: 'heap', name: 'slab' });
  const stack = [recorder.native(0x2000n), recorder.js(fn, 17)];
  const site = recorder.site({ stack, tag });
  recorder.within(tag);
  recorder.alloc({
    site: recorder.site({ stack, heap: 'custom', arena: BigInt(heap), tag }),
    size: 4001,
    weight: 65_536,
  });
  recorder.maps('00001000-00009000 r-xp 00000000 08:01 17 /nowhere/prog\n');
  const first = recorder.alloc({ site, size: 1009, weight: 65_536 });
  recorder.alloc({ site, size: 10_007, weight: 70_000 });
  recorder.snapshot('timer', false);
  recorder.within(0);
  recorder.free(first);
  recorder.release(arena);
  recorder.agent({
    type: 'hello',
    timeUnixNs: '1',
    threadId: 0,
    node: 'v22.0.0',
    v8: '12.4',
    execPath: '/nowhere/node',
  });
  recorder.agent(v8Line());
  recorder.gauge(1 << 20);
  recorder.snapshot('end');
  recorder.symbols({
    modules: [],
    native: [],
    functions: [[0, 'Cache.decode', '/src/a.ts', 3, 1]],
    positions: [],
    scripts: [],
  });
  recorder.end();
  return recorder.bytes();
}

const v8Line = () => ({
  type: 'v8profile',
  timeUnixNs: '1700000000500000000',
  threadId: 0,
  reason: 'exit',
  intervalBytes: 65_536,
  depth: 128,
  strings: ['(root)', '', 'build', '/nowhere/a.mjs'],
  nodes: [
    [-1, 0, 1, 0, 0, 0, []],
    [0, 2, 3, 7, 11, 5, [40, 3000]],
  ],
});
