import { describe, expect, test } from 'vitest';
import { fixture, MARK_BASE, NODE_LINES, nodeBinary } from './helpers/js-probe.ts';
import { runSampled, type Store } from './store.ts';

const JS = 1n << 63n;
const V8_KNOWN = 1;

/** Leaf first: the names of the JavaScript functions of a node's stack; '*' for a native frame. */
function stackOf(store: Store, node: number): string[] {
  const names: string[] = [];
  for (let at = node; at !== 0; ) {
    const record = store.nodes[at];
    if (record === undefined) throw new Error(`node ${at} of ${store.nodes.length}`);
    const index = Number((record.frame >> 32n) & 0x3ffffffn);
    names.push((record.frame & JS) === 0n ? '*' : (store.functions[index]?.name ?? `no function ${index}`));
    at = record.parent;
  }
  return names;
}

describe('JavaScript and native frames on one stack, by the real sampler', () => {
  test.each(NODE_LINES)('Node %i', (line) => {
    const run = runSampled([nodeBinary(line), fixture('function-kinds.cjs')], {
      env: { MARK_BASE: String(MARK_BASE) },
    });
    expect(run.stderr).toBe('');
    const { expected } = JSON.parse(run.stdout) as { expected: Record<string, string> };
    const [store] = run.stores;
    if (store === undefined) throw new Error('no store');
    expect(store.v8State).toBe(V8_KNOWN);

    // Allocations of 777 MB are sampled with certainty, and are no one else's.
    const callers = new Map<number, string>();
    for (const event of store.events) {
      const mark = event.size - MARK_BASE;
      const site = store.sites[event.site];
      if (mark < 1 || mark > 65536 || site === undefined || callers.has(mark)) continue;
      const names = stackOf(store, site.node);
      const leaf = names.findIndex((name) => name !== '*');
      expect(names[leaf]).toBe('allocate');
      expect(names.slice(0, leaf).length, 'native frames between malloc and JavaScript').toBeGreaterThan(2);
      expect(names.at(-1), 'the root is native').toBe('*');
      callers.set(mark, names[leaf + 1] ?? 'none');
    }
    expect(Object.fromEntries([...callers].map(([mark, name]) => [String(mark), name]))).toEqual(expected);
    expect(store.counters.unknown_js_frames).toBe(0);
  });

  test.each(NODE_LINES)('Node %i under collections and workers: it runs as if we were not there', (line) => {
    const run = runSampled([nodeBinary(line), '--expose-gc', fixture('churn.cjs'), '300', 'workers'], {
      meanBytes: 4096,
    });
    expect([run.status, run.signal, run.stdout, run.stderr]).toEqual([0, null, '', '']);
    const [store] = run.stores;
    expect(store?.functions.some(({ name }) => /^generated\d+_\d+$/.test(name))).toBe(true);
  });
});
